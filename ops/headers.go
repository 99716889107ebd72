package ops

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/task"
)

// options returns the options of a command, and adds the faults of its headers and of its reason.
func (c *call) options(reason string, f *faults) []cutover.CommandOption {
	c.command.Reason = reason
	if len(reason) > task.MaxReason {
		f.add("reason", fmt.Sprintf("is %d bytes, the limit is %d", len(reason), task.MaxReason))
	}
	opts := []cutover.CommandOption{cutover.By(c.caller.Actor()), cutover.Because(reason)}
	if c.seen = c.version(f); c.seen > 0 {
		opts = append(opts, cutover.IfVersion(c.seen))
	}
	if key := c.key(f); key != "" {
		opts = append(opts, cutover.CommandID(c.commandID(key)))
	}
	return opts
}

// version returns the version in If-Match, 0 if there is none or any will do.
func (c *call) version(f *faults) uint64 {
	values := c.r.Header.Values("If-Match")
	if len(values) == 0 || len(values) == 1 && values[0] == "*" {
		return 0
	}
	text, quoted := strings.CutPrefix(strings.Join(values, ","), `"`)
	text, ended := strings.CutSuffix(text, `"`)
	version, err := strconv.ParseUint(text, 10, 64)
	if !quoted || !ended || err != nil || version == 0 || strconv.FormatUint(version, 10) != text {
		f.add("If-Match", `is not the version of a plan in quotes, such as "7"`)
		return 0
	}
	return version
}

// key returns the Idempotency-Key, "" if there is none.
func (c *call) key(f *faults) string {
	values := c.r.Header.Values("Idempotency-Key")
	if len(values) == 0 {
		return ""
	}
	key := values[0]
	if len(values) > 1 || key == "" || len(key) > plan.MaxKey || strings.Trim(key, visible) != "" {
		f.add("Idempotency-Key", fmt.Sprintf("is not one text of 1 to %d visible ASCII characters", plan.MaxKey))
		return ""
	}
	return key
}

// visible are the characters of a key.
const visible = "!\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\]^_`abcdefghijklmnopqrstuvwxyz{|}~"

// commandID returns the id of the command. It is that of the whole request, so that a key that is
// used for another command by mistake does not make that command disappear.
func (c *call) commandID(key string) string {
	sum := sha256.New()
	for _, part := range []string{key, c.caller.Actor(), c.r.URL.Path, string(c.body)} {
		var size [8]byte
		binary.BigEndian.PutUint64(size[:], uint64(len(part)))
		sum.Write(size[:])
		sum.Write([]byte(part))
	}
	return hex.EncodeToString(sum.Sum(nil)) // as long as an id may be
}
