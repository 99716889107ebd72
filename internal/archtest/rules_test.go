package archtest_test

// module is the path of the main module, and of its root package.
const module = "github.com/cutover-go/cutover"

// arrow says which packages of the module a package may import.
type arrow struct {
	// from is a package below the module, "." for the root. "x/..." is x and all
	// below it; of several arrows the first that fits counts.
	from string

	// to are the packages allowed, written in the same way. A package "x/..." may
	// always import its own tree.
	to []string
}

// arrows are the import directions: down only.
var arrows = []arrow{
	// Pure: they decide, and do nothing else.
	{from: "checkpoint"},
	{from: "plan/strategy"},
	{from: "task", to: []string{"checkpoint"}},
	{from: "plan", to: []string{"task", "plan/strategy"}},

	// What hosts plug in.
	{from: "executor", to: []string{"task", "checkpoint"}},
	{from: "internal/guard", to: []string{"executor"}},
	{from: "executor/executortest", to: []string{"internal/guard", "executor", "task", "checkpoint"}},
	{from: "executor/bluegreen", to: []string{"internal/nilcheck", "executor", "task", "checkpoint"}},
	{from: "executor/bluegreen/bluegreentest", to: []string{"executor/bluegreen", "executor", "task", "checkpoint"}},
	{from: "executor/bluegreen/redisgateway", to: []string{"internal/await", "internal/redistx", "executor/bluegreen", "executor", "redisack"}},

	// What remembers. A driver sees the contract and what the contract speaks of.
	{from: "store", to: []string{"plan", "plan/strategy", "task", "checkpoint"}},
	{from: "store/redisstore", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "store", "plan", "plan/strategy", "task", "checkpoint"}},
	{from: "store/...", to: []string{"store", "plan", "plan/strategy", "task", "checkpoint"}},

	// What acts. Of the engine's own packages only tests import the root, which puts them together.
	{from: "hook", to: []string{"plan", "task", "executor"}},
	{from: "internal/wait"},
	{from: "internal/signal", to: []string{"plan"}},
	{from: "internal/capacity", to: []string{"internal/signal", "plan", "executor"}},
	{from: "internal/storeclient", to: []string{"store", "plan", "task"}},
	{from: "internal/tenantlock", to: []string{"internal/storeclient", "internal/signal", "internal/wait", "store", "plan", "task"}},
	{from: "internal/lease", to: []string{
		"internal/capacity", "internal/storeclient", "internal/signal", "internal/wait", "executor", "store", "plan", "task",
	}},
	{from: "internal/worker", to: []string{
		"internal/tenantlock", "internal/lease", "internal/capacity", "internal/storeclient", "internal/wait", "internal/guard",
		"hook", "executor", "checkpoint", "store", "task",
	}},
	{from: "internal/reconcile", to: []string{
		"internal/tenantlock", "internal/lease", "internal/storeclient", "internal/signal", "internal/wait", "store", "plan", "task",
	}},
	{from: "internal/dispatch", to: []string{
		"internal/reconcile", "internal/worker", "internal/lease", "internal/capacity", "internal/storeclient",
		"internal/signal", "internal/wait", "executor", "store", "plan", "task",
	}},
	{from: "internal/nilcheck"},
	{from: ".", to: []string{
		"internal/dispatch", "internal/reconcile", "internal/worker", "internal/lease", "internal/tenantlock", "internal/storeclient",
		"internal/capacity", "internal/signal", "internal/wait", "internal/nilcheck",
		"hook", "executor", "store", "plan", "plan/strategy", "task", "checkpoint",
	}},

	// Tools that stand alone.
	// The prober and what it shares with its callers do without Redis.
	{from: "redisack/probe", to: []string{"redisack/internal/wire"}},
	{from: "redisack/httpprobe", to: []string{"redisack/probe", "redisack/internal/wire"}},
	{from: "redisack/internal/wire"},
	{from: "redisack/...", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "internal/redistx"}},
	{from: "renewal/internal/backend"},
	{from: "renewal/internal/hostcall"},
	{from: "renewal/internal/nodequeue"},
	{from: "renewal/internal/redisbackend", to: []string{"internal/await", "internal/redisserver", "renewal/internal/backend"}},
	{from: "renewal/...", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "internal/wheel"}},
	{from: "internal/await"},
	{from: "internal/redistx"},
	{from: "internal/redisserver", to: []string{"internal/await"}},
	{from: "internal/wheel"},
	{from: "internal/redistest"},
	{from: "internal/flaky"},
	{from: "internal/archtest"},
	{from: "internal/simulation/..."}, // tests only
}

// pure are the packages without I/O, goroutine, clock and chance.
var pure = []string{"checkpoint", "task", "plan", "plan/strategy", "internal/wheel"}

// impure are the standard packages that a pure package has no use for. Clocks are
// the linter's part, because time.Duration comes from the same package as time.Now.
var impure = []string{
	"context", "crypto/rand", "database/...", "embed", "io/fs", "log/...", "math/rand/...",
	"net/...", "os/...", "runtime/...", "sync/...", "syscall", "testing/...",
}

// library says which packages may use a package from outside the module.
type library struct {
	path string // with all packages below it
	in   []string

	// reach also counts use through other packages: whoever is not in the list does
	// not even link it.
	reach bool
}

// everywhere allows a library in all packages that are not pure.
var everywhere = []string{"..."}

// libraries are the dependencies that hosts get, and the standard packages that
// have their place.
var libraries = []library{
	{path: "github.com/redis/go-redis/v9", reach: true, in: []string{
		"store/redisstore", "redisack", "redisack/agent", "executor/bluegreen/redisgateway", "renewal/...",
		"internal/redisserver", "internal/redistest", "internal/redistx",
	}},
	{path: "net/http", in: []string{"redisack/httpprobe", "redisack/agent", "executor/bluegreen/..."}},
	{path: "github.com/cenkalti/backoff/v4", in: everywhere},
	{path: "go.uber.org/zap", in: everywhere},

	// Only in packages that tests import.
	{path: "github.com/alicebob/miniredis/v2", in: []string{"internal/redistest"}},
	{path: "go.uber.org/goleak", in: []string{"internal/redistest"}},
	{path: "github.com/anishathalye/porcupine", in: []string{"store/storetest"}},
	{path: "pgregory.net/rapid", in: []string{"store/storetest"}},
}
