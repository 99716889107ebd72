//go:build race

package renewal

import "time"

// manyKeysTime is the maximum time for a pass over all keys of a task with very many keys.
const manyKeysTime = 3 * time.Minute
