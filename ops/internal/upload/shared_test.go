package upload_test

import (
	"fmt"
	"maps"
	"reflect"
	"strings"
	"testing"
)

// Tenants with the same labels share them, tenants with others do not, however the texts are cut;
// beyond what is shared every tenant still has its own.
func TestTenantsShareLabels(t *testing.T) {
	t.Parallel()
	var b strings.Builder
	b.WriteString("id,labels.a,labels.b,parameters.a\n")
	for i := range 4000 {
		fmt.Fprintf(&b, "t%d,%s,%s,%d\n", i, []string{"1:b1", "1:b", "", "x"}[i%4], []string{"", "1", "1:b1", "y"}[i%4], i)
	}
	u, faults := file{name: "a.csv", text: b.String()}.read(t)
	if faults != nil {
		t.Fatal(faults)
	}
	of := func(m map[string]string) uintptr { return reflect.ValueOf(m).Pointer() }
	different := map[uintptr]bool{}
	for i, tenant := range u.Tenants.Tenants {
		want := []map[string]string{{"a": "1:b1"}, {"a": "1:b", "b": "1"}, {"b": "1:b1"}, {"a": "x", "b": "y"}}[i%4]
		if !maps.Equal(tenant.Labels, want) || !maps.Equal(tenant.Parameters, map[string]string{"a": fmt.Sprint(i)}) {
			t.Fatalf("tenant %d has %v", i, tenant)
		}
		different[of(tenant.Labels)] = true
	}
	if len(different) != 4 {
		t.Errorf("%d sets of labels are kept", len(different))
	}
}
