package redisstore

import (
	"cmp"
	"errors"
	"slices"
	"strconv"
	"strings"

	"github.com/cutover-go/cutover/plan"
)

// errGroups is the error of a stored failure, or of failure groups, that make no sense.
var errGroups = errors.New("a failure, or the failure groups, make no sense")

// The key of a failure group is its code, a tab and its step. The four bytes that the stored forms
// use themselves, or that Lua does not take in every pattern, are escaped.
//
//nolint:gochecknoglobals // constant tables
var (
	escapeGroup   = strings.NewReplacer(`\`, `\\`, "\t", `\t`, "\n", `\n`, "\x00", `\0`)
	unescapeGroup = strings.NewReplacer(`\\`, `\`, `\t`, "\t", `\n`, "\n", `\0`, "\x00")
)

func appendGroupKey(to []byte, code, step string) []byte {
	to = append(append(to, escapeGroup.Replace(code)...), '\t')
	return append(to, escapeGroup.Replace(step)...)
}

// cutGroupKey reads the key at the beginning of a stored failure and returns what follows it.
func cutGroupKey(text string) (code, step, rest string, ok bool) {
	code, rest, ok = strings.Cut(text, "\t")
	if ok {
		step, rest, ok = strings.Cut(rest, "\t")
	}
	return unescapeGroup.Replace(code), unescapeGroup.Replace(step), rest, ok
}

// parseGroups reads the field groups of a plan's record: see scripts/lib/group.lua.
func parseGroups(text string) (groups []plan.FailureGroup, err error) {
	for line := range strings.Lines(text) {
		line, ok := strings.CutSuffix(line, "\n")
		failed, line, more := strings.Cut(line, "\t")
		acknowledged, line, most := strings.Cut(line, "\t")
		n, err1 := strconv.ParseUint(failed, 10, 31)
		a, err2 := strconv.ParseUint(acknowledged, 10, 31)
		code, step, _, two := cutGroupKey(line + "\t")
		if !ok || !more || !most || !two || cmp.Or(err1, err2) != nil || n == 0 || a > n || strings.Count(line, "\t") != 1 {
			return nil, errGroups
		}
		groups = append(groups, plan.FailureGroup{
			ErrorCode: strings.Clone(code), Step: strings.Clone(step), Failed: int(n), Acknowledged: int(a),
		})
	}
	slices.SortFunc(groups, func(a, b plan.FailureGroup) int {
		return cmp.Or(cmp.Compare(a.ErrorCode, b.ErrorCode), cmp.Compare(a.Step, b.Step))
	})
	for i := range groups {
		if i > 0 && groups[i].ErrorCode == groups[i-1].ErrorCode && groups[i].Step == groups[i-1].Step {
			return nil, errGroups
		}
	}
	return groups, nil
}
