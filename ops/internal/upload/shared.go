package upload

import (
	"maps"
	"slices"
	"strconv"
)

// maxShared is how many different sets of labels, or of parameters, are shared by the tenants that
// have the same. Lists have few, and a map of its own takes a tenant some 300 bytes.
const maxShared = 1000

// shared are maps that tenants share. Nobody changes the maps of a tenant.
type shared struct {
	same map[string]map[string]string
	key  []byte
}

// of returns a map with the content of m, which may be another tenant's.
func (s *shared) of(m map[string]string) map[string]string {
	if len(m) == 0 {
		return m
	}
	s.key = s.key[:0]
	for _, name := range slices.Sorted(maps.Keys(m)) {
		for _, text := range []string{name, m[name]} {
			s.key = append(strconv.AppendInt(s.key, int64(len(text)), 10), ':')
			s.key = append(s.key, text...)
		}
	}
	if same, is := s.same[string(s.key)]; is {
		return same
	}
	if s.same == nil {
		s.same = make(map[string]map[string]string)
	}
	if len(s.same) < maxShared {
		s.same[string(s.key)] = m
	}
	return m
}
