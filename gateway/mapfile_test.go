package gateway_test

import (
	"reflect"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/gateway"
)

func TestReadMap(t *testing.T) {
	t.Parallel()
	want := gateway.Rows{"acme": {Colour: "blue", Rev: 7, Token: 9}, "beta.example": {Colour: "green", Rev: 3}}
	for _, text := range []string{
		"acme blue|7|9\nbeta.example green|3|0\n",
		"# cutover map 1 revision 7\n\"acme\" \"blue|7|9\";\n\"beta.example\" \"green|3|0\";\n",
	} {
		if rows, err := gateway.ReadMap(strings.NewReader(text)); err != nil || !reflect.DeepEqual(rows, want) {
			t.Errorf("%q: %v, %v", text, rows, err)
		}
	}
	for _, text := range []string{"acme 10.0.0.1\n", "Acme blue|1|1\n", "acme blue|1|1\nacme blue|1|1\n", "acme\n", strings.Repeat("a", 1<<20)} {
		if rows, err := gateway.ReadMap(strings.NewReader(text)); err == nil {
			t.Errorf("%.40q: %v", text, rows)
		}
	}
}

func TestReadMapWhereTheFirstRowCounts(t *testing.T) {
	t.Parallel()
	const rows = "\n\nacme blue|2|1\nacme green|1|1\n"
	found, err := gateway.ReadMap(strings.NewReader(gateway.MapFirstCounts + rows))
	if err != nil || len(found) != 1 || found["acme"] != (gateway.Row{Colour: "blue", Rev: 2, Token: 1}) {
		t.Errorf("%v, %v", found, err)
	}
	if _, err := gateway.ReadMap(strings.NewReader(rows)); err == nil {
		t.Error("two rows of a tenant were accepted")
	}
}
