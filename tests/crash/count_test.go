//go:build crash

package crash

import "testing"

// TestFiguresSeeFaults: what the suite never wants to see, it would see.
func TestFiguresSeeFaults(t *testing.T) {
	t.Parallel()
	tests := map[string]struct {
		entries []entry
		want    figures
	}{
		"a take-over": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
				{Kind: effect, Token: 1, Step: 2},
				{Kind: started, Token: 2, Step: 1},
				{Kind: effect, Token: 2, Step: 2},
				{Kind: saved, Token: 2, Step: 2},
				{Kind: refused, Token: 1, Step: 2},
				{Kind: done, Token: 2},
				{Kind: ended, Token: 2, Note: "COMPLETED"},
			},
			want: figures{doubles: 1, runs: 2},
		},
		"a stale save": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: started, Token: 2},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
			},
			want: figures{stale: 1, runs: 2},
		},
		"a stale end": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: started, Token: 2},
				{Kind: done, Token: 1},
				{Kind: ended, Token: 1, Note: "COMPLETED"},
			},
			want: figures{stale: 1, runs: 2},
		},
		"a lost save": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: effect, Token: 1, Step: 1},
				{Kind: saved, Token: 1, Step: 1},
				{Kind: started, Token: 2},
				{Kind: effect, Token: 2, Step: 1},
			},
			want: figures{lost: 1, rerun: 1, doubles: 1, runs: 2},
		},
		"a lost end": {
			entries: []entry{
				{Kind: started, Token: 1},
				{Kind: done, Token: 1},
				{Kind: ended, Token: 1, Note: "COMPLETED"},
				{Kind: started, Token: 2},
			},
			want: figures{lost: 1, runs: 2},
		},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			var got figures
			(&history{test.entries}).count(&got)
			if got != test.want {
				t.Errorf("got %s, want %s", got, test.want)
			}
		})
	}
}
