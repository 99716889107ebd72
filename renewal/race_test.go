//go:build race

package renewal

import "time"

// manyKeysTime is how long a task of very many keys may take to be gone through.
const manyKeysTime = 3 * time.Minute
