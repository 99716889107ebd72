package gateway_test

import (
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway"
)

func TestRow(t *testing.T) {
	t.Parallel()
	for _, row := range []gateway.Row{
		{Colour: "blue", Rev: 42, Token: 7},
		{Colour: "v2.1-b_", Rev: 0, Token: 0},
		{Colour: "B", Rev: 1<<64 - 1, Token: 1<<64 - 1},
		{Colour: "green", Rev: 7, Token: 9, Weight: 1, Other: "blue"},
		{Colour: "green", Rev: 7, Token: 9, Weight: 99, Other: "v2"},
	} {
		if got, err := gateway.ParseRow(row.String()); err != nil || got != row {
			t.Errorf("%q is read as %v, %v", row.String(), got, err)
		}
	}
	for _, text := range []string{
		"", "blue", "blue|1", "|1|1", "blue|1|1|1", "blue|-1|1", "blue|1|x", "blue|+1|1", "blue|01|1", "a b|1|1", "blue|1|1\n",
		"blue|1|18446744073709551616", "<html>|1|1",
		"green|1|1|0|blue", "green|1|1|100|blue", "green|1|1|05|blue", "green|1|1|5|green", "green|1|1|5|", "green|1|1|5|blue|", "green|1|1||blue",
	} {
		if row, err := gateway.ParseRow(text); err == nil {
			t.Errorf("%q is read as %v", text, row)
		}
	}
}

func TestCheckTenant(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"a", "tenant-17", "shop.example.com", "a:b@c/d+e=_", strings.Repeat("x", 128)} {
		if err := gateway.CheckTenant(id); err != nil {
			t.Errorf("%q: %v", id, err)
		}
	}
	for _, id := range []string{
		"", "Acme", "acme.", "a b", "a;b", "#a", "a\nb", "a\tb", `a"b`, "a'b", `a\b`, "a|b", "a,b", "~a", "$a", "{a}", "ä", "a\x00", "a\xff",
		strings.Repeat("x", 129),
	} {
		if gateway.CheckTenant(id) == nil {
			t.Errorf("%q is accepted", id)
		}
	}
}

func TestCheckColour(t *testing.T) {
	t.Parallel()
	for _, colour := range []string{"blue", "Green", "v1.2_x-3", strings.Repeat("x", 64)} {
		if err := gateway.CheckColour(colour); err != nil {
			t.Errorf("%q: %v", colour, err)
		}
	}
	for _, colour := range []string{"", "a b", "a|b", "a;b", "$a", "a/b", "ü", strings.Repeat("x", 65)} {
		if gateway.CheckColour(colour) == nil {
			t.Errorf("%q is accepted", colour)
		}
	}
}
