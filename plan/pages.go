package plan

import (
	"iter"

	"github.com/cutover-go/cutover/task"
)

const (
	// MaxPage is the maximum number of tenants of a page, see [Pages].
	MaxPage = 500
	// pageBytes bounds the bytes of a page that has more than one tenant: of ids, labels and
	// parameters.
	pageBytes = 256 << 10
)

// Pages yields tenants in pages of at most [MaxPage], and fewer if they have many bytes, so that a
// store can write one at a time.
func Pages(tenants []task.Tenant) iter.Seq[[]task.Tenant] {
	return func(yield func([]task.Tenant) bool) {
		var size pageSize
		first := 0
		for i := range tenants {
			if size.fits(&tenants[i]) {
				continue
			}
			if !yield(tenants[first:i:i]) {
				return
			}
			first = i
		}
		if first < len(tenants) {
			yield(tenants[first:])
		}
	}
}

// pageSize is the size of a page.
type pageSize struct{ tenants, bytes int }

// fits adds a tenant to the page. If it has no room, fits makes the tenant the first one of the
// next page, and reports false.
func (s *pageSize) fits(t *task.Tenant) bool {
	n := len(t.ID)
	for _, words := range [...]map[string]string{t.Labels, t.Parameters} {
		for k, v := range words {
			n += len(k) + len(v)
		}
	}
	s.tenants, s.bytes = s.tenants+1, s.bytes+n
	if s.tenants > 1 && (s.tenants > MaxPage || s.bytes > pageBytes) {
		s.tenants, s.bytes = 1, n
		return false
	}
	return true
}
