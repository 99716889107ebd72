package haproxy

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net"
	"strconv"
	"strings"
	"time"

	"github.com/cutover-go/cutover/gateway"
)

const (
	// callTimeout bounds one connection to the Runtime API.
	callTimeout = 5 * time.Second
	// maxPayload is below the 16 kB of HAProxy's buffer: it drops a request that does not fit, and
	// answers nothing.
	maxPayload = 8 << 10
	// maxAnswer bounds an answer: 1,000,000 rows of the longest kind fit in.
	maxAnswer = 256 << 20
)

// runtime is the Runtime API of one HAProxy.
type runtime struct{ network, address string }

// newRuntime returns the API at a path or at host:port.
func newRuntime(socket string) runtime {
	if strings.HasPrefix(socket, "/") || strings.HasPrefix(socket, "@") {
		return runtime{"unix", socket}
	}
	return runtime{"tcp", socket}
}

// call sends one request, which may have several commands, over a connection of its own and returns
// the answer.
func (r runtime) call(ctx context.Context, request string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, r.network, r.address)
	if errors.Is(err, fs.ErrPermission) {
		return "", &gateway.SetupError{Expected: "permission to connect to the socket " + r.address, Found: err.Error(), Err: err}
	}
	if err != nil {
		return "", err
	}
	defer func() { _ = conn.Close() }()
	stop := context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })
	defer stop()
	if _, err := io.WriteString(conn, request); err != nil {
		return "", ended(ctx, err)
	}
	answer, err := io.ReadAll(io.LimitReader(conn, maxAnswer))
	if err != nil {
		return "", ended(ctx, err)
	}
	if len(answer) == 0 {
		return "", errNoAnswer
	}
	return string(answer), nil
}

var errNoAnswer = errors.New("HAProxy closed the connection without an answer")

// ended returns the error of ctx if that is why a connection broke.
func ended(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return err
}

// answerError is an answer other than success.
type answerError struct{ command, answer string }

func (e *answerError) Error() string {
	return fmt.Sprintf("HAProxy answered %.200q to %.100q", e.answer, e.command)
}

// change sends commands that answer nothing, and at most one empty line each.
func (r runtime) change(ctx context.Context, commands ...string) error {
	request := strings.Join(commands, "; ") + "\n"
	answer, err := r.call(ctx, request)
	if err != nil {
		return err
	}
	if answer != strings.Repeat("\n", len(commands)) {
		return &answerError{commands[0], strings.TrimSpace(answer)}
	}
	return nil
}

// changeBy does what change does, and returns the process that has done it.
func (r runtime) changeBy(ctx context.Context, commands ...string) (process, error) {
	if len(commands) == 0 {
		return r.process(ctx)
	}
	answer, err := r.call(ctx, strings.Join(append(commands, showInfo), "; ")+"\n")
	if err != nil {
		return process{}, err
	}
	done := strings.Repeat("\n", len(commands))
	info, ok := strings.CutPrefix(answer, done)
	if !ok || !strings.HasPrefix(info, "Name: ") {
		unexpected, _, _ := strings.Cut(answer, "Name: ")
		return process{}, &answerError{commands[0], strings.TrimSpace(unexpected)}
	}
	return r.identify(info)
}

const showInfo = "show info"

// process identifies one run of HAProxy. A reload makes another one.
type process struct{ pid, started string }

// minVersion is the first version with atomic changes of maps.
const minVersion = 24

// process returns the process that answers, and an error if it is too old or about to end.
func (r runtime) process(ctx context.Context) (process, error) {
	answer, err := r.call(ctx, showInfo+"\n")
	if err != nil {
		return process{}, err
	}
	return r.identify(answer)
}

// identify reads an answer to showInfo.
func (r runtime) identify(answer string) (process, error) {
	info := map[string]string{}
	for line := range strings.SplitSeq(answer, "\n") {
		name, value, _ := strings.Cut(line, ": ")
		info[name] = value
	}
	p := process{info["Pid"], info["Start_time_sec"]}
	if info["Name"] != "HAProxy" || p.pid == "" {
		return process{}, &gateway.SetupError{Expected: "HAProxy's Runtime API at " + r.address, Found: fmt.Sprintf("%.80q", answer)}
	}
	if number := versionNumber(info["Version"]); number < minVersion {
		return process{}, &gateway.SetupError{Expected: "HAProxy 2.4 or later", Found: fmt.Sprintf("version %.40q", info["Version"])}
	}
	if info["Stopping"] == "1" {
		return process{}, errors.New("the HAProxy that answers is stopping")
	}
	return p, nil
}

// versionNumber returns 26 for "2.6.12-1", 0 for what is no version.
func versionNumber(text string) int {
	major, rest, _ := strings.Cut(text, ".")
	minor, _, _ := strings.Cut(rest, ".")
	minor, _, _ = strings.Cut(minor, "-")
	a, err1 := strconv.Atoi(major)
	b, err2 := strconv.Atoi(minor)
	if err1 != nil || err2 != nil {
		return 0
	}
	return 10*a + min(b, 9)
}

// backends returns the names of the backends.
func (r runtime) backends(ctx context.Context) (map[string]bool, error) {
	answer, err := r.call(ctx, "show backend\n")
	if err != nil {
		return nil, err
	}
	names := map[string]bool{}
	for line := range strings.SplitSeq(answer, "\n") {
		if line != "" && !strings.HasPrefix(line, "#") {
			names[line] = true
		}
	}
	return names, nil
}
