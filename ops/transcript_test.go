package ops_test

import (
	"net/http"
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// The documentation shows what a stream sends.
func TestDocumentedStream(t *testing.T) {
	t.Parallel()
	var sent strings.Builder
	synctest.Test(t, func(t *testing.T) {
		s := newSite(t, nil, ops.Config{})
		s.create(plan.Spec{}, "tenant1", "tenant2")
		c := watch(t, s.handler, "?plan=1")
		for _, command := range []string{"plans/1/start", "tasks/1000001/skip"} {
			time.Sleep(3300 * time.Millisecond)
			if r := s.send("POST", command, `{"reason":"as agreed"}`); r.status != http.StatusOK {
				t.Fatalf("%d %s", r.status, r.text)
			}
		}
		time.Sleep(4 * time.Second)
		for _, m := range c.messages() {
			for _, line := range strings.Split(strings.TrimSuffix(m.text, "\n"), "\n") {
				if len(line) > 150 {
					line = line[:147] + "..."
				}
				sent.WriteString(line + "\n")
			}
		}
	})
	text, err := os.ReadFile("../docs/ops.md")
	if err != nil {
		t.Fatal(err)
	}
	_, after, _ := strings.Cut(string(text), "\n```text\n")
	documented, _, _ := strings.Cut(after, "\n```\n")
	retry := regexp.MustCompile("retry: [12][0-9]{3}\n")
	if got := strings.TrimSpace(retry.ReplaceAllString(sent.String(), "retry: 2718\n")); got != documented {
		t.Errorf("the stream is\n%s\ndocumented is\n%s", got, documented)
	}
}
