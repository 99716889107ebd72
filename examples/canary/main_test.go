package main

import (
	"bytes"
	"regexp"
	"strings"
	"testing"
	"time"
)

// The program shows each change of a weight, the figures of the tenant that does badly, and that it
// gets there after the retry.
func TestTheWholeProgram(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	if err := run(t.Context(), &out, 10*time.Millisecond); err != nil {
		t.Fatalf("%v\n%s", err, &out)
	}
	for _, want := range []string{
		"plan 1 is FAILED: 3 completed, 1 failed\n",
		"tenant-2 failed with HEALTH_FAILED:\n  at 50 percent: 1 failed, 0 inconclusive, 0 missing checks " +
			"(failed: errorRate 0.12, p99Millis 820: too many errors); the weight was put back to 0 percent\n",
		"plan 1 is COMPLETED: 4 completed, 0 failed\n",
		"all of the traffic of 4 tenants is in the new environment\n",
	} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is not in\n%s", want, &out)
		}
	}
	var of2 []string
	for _, m := range regexp.MustCompile(`(?m)^tenant-2 +(\d+) % -> +(\d+) %$`).FindAllStringSubmatch(out.String(), -1) {
		of2 = append(of2, m[1]+">"+m[2])
	}
	if got := strings.Join(of2, " "); got != "0>5 5>25 25>50 50>0 0>5 5>25 25>50 50>100" {
		t.Errorf("weights of tenant-2: %s", got)
	}
}
