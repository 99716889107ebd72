package redisstore

import (
	"cmp"
	"go/ast"
	"go/parser"
	"go/token"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/plan"
)

// removal is the loss of a key or of a part of it.
type removal struct {
	kind, key, what string
	do              func()
}

// losses returns the possible losses of a key: the whole key, its type, and each of its parts.
func (f *lossFixture) losses(kind, key string) []removal {
	f.Helper()
	c, ctx := f.client, f.ctx
	all := []removal{{kind, key, "all", func() { c.Del(ctx, key) }}}
	typed := c.Type(ctx, key).Val()
	all = append(all, removal{kind, key, "its type", func() {
		c.Del(ctx, key)
		if typed == "string" {
			c.RPush(ctx, key, "in the way")
		} else {
			c.Set(ctx, key, "in the way", 0)
		}
	}})
	var parts []string
	remove := func(string) {}
	switch typed {
	case "hash":
		parts, remove = c.HKeys(ctx, key).Val(), func(part string) { c.HDel(ctx, key, part) }
	case "zset":
		parts, remove = c.ZRange(ctx, key, 0, -1).Val(), func(part string) { c.ZRem(ctx, key, part) }
	case "stream":
		for _, entry := range c.XRange(ctx, key, "-", "+").Val() {
			parts = append(parts, entry.ID)
		}
		remove = func(part string) { c.XDel(ctx, key, part) }
	case "list":
		parts, remove = []string{"last"}, func(string) { c.RPop(ctx, key) }
	case "string":
	default:
		f.Fatalf("%s (%s) is a %q", key, kind, typed)
	}
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(a), len(b)), cmp.Compare(a, b)) })
	if len(parts) > 18 { // labels of many tenants: the tasks that are not pending are the first and the last ones
		parts = append(parts[:12:12], parts[len(parts)-6:]...)
	}
	for _, part := range parts {
		all = append(all, removal{kind, key, part, func() { remove(part) }})
	}
	return all
}

// kindsOfKeys returns the names of the methods of keys, from the source.
func kindsOfKeys(t *testing.T) []string {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "keys.go", nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok && f.Recv != nil && f.Name.Name != "of" {
			kinds = append(kinds, f.Name.Name)
		}
	}
	slices.Sort(kinds)
	return kinds
}

// byKind returns the keys of the fixture by their kind.
func (f *lossFixture) byKind() map[string][]string {
	k, plans := f.keys, []plan.ID{f.id, f.undo}
	each := func(of func(plan.ID) string) []string { return []string{of(plans[0]), of(plans[1])} }
	return map[string][]string{
		"plan": append(each(k.plan), k.plan(f.creation.ID)), "tenants": {k.tenants(f.id, 0), k.tenants(f.id, 1), k.tenants(f.undo, 0), k.tenants(f.creation.ID, 0)},
		"extras": {k.extras(f.id, 0), k.extras(f.id, 1)}, "tasks": {k.tasks(f.id, 0), k.tasks(f.id, 1), k.tasks(f.undo, 0)},
		"held": each(k.held), "loose": {k.loose(f.id)}, "later": {k.later(f.id)}, "order": {k.order(f.undo)}, "events": each(k.events), "history": each(k.history),
		"commands": each(k.commands), "cursors": {k.cursors(f.id)},
		"ids": {k.ids()}, "tokens": {k.tokens()}, "plans": {k.plans()}, "agenda": {k.agenda()}, "left": {k.left("E")}, "stamps": {k.stamps()}, "version": {k.version()},
		"subscriptions": {k.subscriptions()}, "unread": {k.unread("mail")}, "letters": {k.letters("mail")},
		"lease": {k.lease("worker")}, "workers": {k.workers()}, "tenant": {k.tenant("locked")}, "quota": {k.quota("shard", "a")}, "key": {k.key("busy"), k.key("creating")},
		"hints": nil, // a channel: it stores nothing
	}
}
