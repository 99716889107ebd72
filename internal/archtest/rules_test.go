package archtest_test

// module is the path of the main module, and of its root package.
const module = "github.com/cutover-go/cutover"

// arrow says which packages of the module a package may import.
type arrow struct {
	// from is a package relative to the module, "." for the root. "x/..." is x and every package
	// below it. The first arrow that matches a package counts.
	from string

	// to are the packages that may be imported, written in the same way. A package "x/..." may
	// always import its own tree.
	to []string
}

// arrows are the allowed import directions: down only.
var arrows = []arrow{
	// Pure packages: they decide, and do nothing else.
	{from: "checkpoint"},
	{from: "internal/textform"},
	{from: "plan/strategy", to: []string{"plan/strategy/window", "internal/textform"}},
	{from: "plan/strategy/window"},
	{from: "task", to: []string{"checkpoint", "internal/textform"}},
	{from: "plan", to: []string{"task", "plan/strategy", "plan/strategy/window", "internal/schedule", "internal/textform"}},
	{from: "internal/schedule", to: []string{"plan/strategy/window"}},

	// Packages that hosts plug in.
	{from: "executor", to: []string{"task", "checkpoint"}},
	{from: "internal/guard", to: []string{"executor"}},
	{from: "executor/executortest", to: []string{"internal/guard", "executor", "task", "checkpoint"}},
	{from: "executor/internal/faulty"},
	{from: "executor/internal/setting", to: []string{"executor", "task"}},
	{from: "executor/internal/tenanthttp", to: []string{"internal/nilcheck", "executor", "task"}},
	{from: "executor/bluegreen", to: []string{"executor/internal/...", "internal/nilcheck", "executor", "task", "checkpoint"}},
	{from: "executor/canary", to: []string{"executor/internal/...", "internal/nilcheck", "executor", "task", "checkpoint"}},
	{from: "executor/canary/canarytest", to: []string{"executor/internal/faulty", "executor/canary"}},
	{from: "executor/bluegreen/bluegreentest", to: []string{"executor/internal/faulty", "executor/bluegreen"}},

	// Gateways. Those over proxies do not link Redis.
	{from: "gateway", to: []string{"gateway/internal/disk", "task"}},
	{from: "gateway/internal/disk"},
	{from: "gateway/gatewaytest", to: []string{"executor/bluegreen", "executor/canary", "executor", "task"}},
	{from: "gateway/internal/control", to: []string{
		"gateway", "executor/bluegreen", "executor/canary", "executor", "task", "redisack/httpprobe", "redisack/probe", "internal/nilcheck",
	}},
	{from: "gateway/internal/fleettest", to: []string{
		"gateway/gatewaytest", "gateway/internal/control", "gateway", "executor/bluegreen", "executor", "redisack/probe",
	}},
	{from: "gateway/nginx", to: []string{"gateway", "gateway/internal/control", "executor/bluegreen", "redisack/probe"}},
	{from: "gateway/redisconfig", to: []string{"internal/await", "internal/redistx", "executor/bluegreen", "executor", "redisack"}},
	{from: "gateway/redistable", to: []string{"gateway", "internal/await"}},
	{from: "gateway/haproxy", to: []string{"gateway", "gateway/internal/control", "gateway/internal/disk", "executor/bluegreen", "executor/canary", "redisack/probe"}},

	// Packages that store. A driver imports the contract and the types that the contract uses.
	{from: "store", to: []string{"plan", "plan/strategy", "task", "checkpoint"}},
	{from: "store/redisstore", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "store", "store/internal/planrecord", "plan", "plan/strategy", "task", "checkpoint"}},
	{from: "store/internal/planrecord", to: []string{"plan", "plan/strategy", "plan/strategy/window", "task"}},
	{from: "store/enginetest", to: []string{"internal/simulation", "store"}}, // above the root
	{from: "store/memstore", to: []string{"internal/brief", "store/internal/agenda", "store/internal/hints", "store/rules", "store", "plan", "task"}},
	{from: "store/observed", to: []string{"internal/nilcheck", "store", "plan", "task"}},
	{from: "store/internal/instant", to: []string{"store/rules"}},
	{from: "store/...", to: []string{"store", "plan", "plan/strategy", "plan/strategy/window", "task", "checkpoint"}},

	// Packages that act. The root puts the engine's packages together.
	{from: "hook", to: []string{"plan", "task", "executor"}},
	{from: "internal/brief"},
	{from: "internal/wait"},
	{from: "internal/signal", to: []string{"plan"}},
	{from: "internal/capacity", to: []string{"internal/brief", "internal/signal", "plan", "plan/strategy", "executor"}},
	{from: "internal/storeclient", to: []string{"store", "plan", "task"}},
	{from: "internal/quota", to: []string{"internal/storeclient", "internal/tenantlock", "store", "plan", "plan/strategy", "task"}},
	{from: "internal/tenantlock", to: []string{"internal/brief", "internal/storeclient", "internal/signal", "internal/wait", "store", "plan", "plan/strategy", "task"}},
	{from: "internal/lease", to: []string{
		"internal/brief", "internal/capacity", "internal/storeclient", "internal/signal", "internal/wait", "executor", "store", "plan", "task",
	}},
	{from: "internal/worker", to: []string{
		"internal/tenantlock", "internal/quota", "internal/lease", "internal/capacity", "internal/storeclient", "internal/wait", "internal/guard",
		"hook", "executor", "checkpoint", "store", "task",
	}},
	{from: "internal/reconcile", to: []string{
		"internal/tenantlock", "internal/lease", "internal/storeclient", "internal/signal", "internal/wait", "store", "plan", "task",
	}},
	{from: "internal/dispatch", to: []string{
		"internal/reconcile", "internal/worker", "internal/tenantlock", "internal/quota", "internal/lease", "internal/capacity", "internal/storeclient",
		"internal/signal", "internal/wait", "executor", "store", "plan", "task",
	}},
	{from: "internal/nilcheck"},
	{from: ".", to: []string{
		"internal/dispatch", "internal/reconcile", "internal/worker", "internal/lease", "internal/tenantlock", "internal/quota", "internal/storeclient",
		"internal/capacity", "internal/signal", "internal/wait", "internal/nilcheck",
		"hook", "executor", "store", "plan", "plan/strategy", "plan/strategy/window", "task", "checkpoint",
	}},

	// What operators touch: above the root, over an interface of its own.
	{from: "ops/internal/strictjson", to: []string{"internal/textform"}},
	{from: "ops/internal/wire", to: []string{"store", "plan", "plan/strategy", "plan/strategy/window", "task"}},
	{from: "ops/internal/upload", to: []string{"ops/internal/wire", "ops/internal/strictjson", "plan", "task"}},
	{from: "ops/internal/feed", to: []string{"ops/internal/wire", "internal/signal", "internal/wait", "store", "plan"}},
	{from: "ops", to: []string{".", "notify", "ops/internal/...", "internal/nilcheck", "internal/signal", "store", "plan", "plan/strategy", "task"}},

	{from: "notify", to: []string{".", "internal/nilcheck", "internal/signal", "internal/wait", "store", "plan", "task"}},
	{from: "notify/webhook", to: []string{"notify"}},
	{from: "notify/redispubsub", to: []string{"notify", "internal/await", "internal/nilcheck"}},

	// Standalone tools. The prober, and what it shares with its callers, do not link Redis.
	{from: "redisack/probe", to: []string{"redisack/internal/wire"}},
	{from: "redisack/httpprobe", to: []string{"redisack/probe", "redisack/internal/wire"}},
	{from: "redisack/internal/wire"},
	{from: "redisack/...", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "internal/redistx", "internal/wait"}},
	{from: "renewal/internal/backend"},
	{from: "renewal/internal/byid"},
	{from: "renewal/internal/hostcall"},
	{from: "renewal/internal/nodequeue"},
	{from: "renewal/internal/redisbackend", to: []string{"internal/await", "internal/redisserver", "renewal/internal/backend"}},
	{from: "renewal/...", to: []string{"internal/await", "internal/nilcheck", "internal/redisserver", "internal/wheel"}},
	{from: "internal/abreast"},
	{from: "internal/await"},
	{from: "internal/redistx"},
	{from: "internal/redisserver", to: []string{"internal/await"}},
	{from: "internal/wheel"},
	{from: "internal/proctest"},
	{from: "internal/redistest", to: []string{"internal/proctest"}},
	{from: "internal/pgtest", to: []string{"internal/proctest"}},
	{from: "internal/proxytest", to: []string{"internal/proctest"}},
	{from: "internal/sample"},
	{from: "internal/flaky"},
	{from: "internal/archtest"},
	// Whole engines under test: above the root, and imported by tests alone.
	{from: "internal/simulation", to: []string{".", "executor", "internal/schedule", "internal/quota", "store", "store/storetest", "plan", "plan/strategy", "plan/strategy/window", "task", "checkpoint"}},
	{from: "internal/simulation/mutants"}, // tests only
	{from: "tests/crash"},                 // tests only
	{from: "tests/engine"},                // tests only
	{from: "internal/crashtest", to: []string{".", "executor", "hook", "store", "store/storetest", "plan", "plan/strategy", "plan/strategy/window", "task"}},
}

// above are the packages that may import the root; of the others only tests do.
var above = []string{"internal/simulation", "internal/crashtest", "store/enginetest", "ops", "notify", "notify/webhook", "notify/redispubsub"}

// pure are the packages without I/O, goroutines, clock and randomness.
var pure = []string{"checkpoint", "task", "plan", "plan/strategy", "plan/strategy/window", "internal/textform", "internal/wheel"}

// impure are the standard packages that a pure package must not import. The linter forbids clocks,
// because time.Duration comes from the same package as time.Now.
var impure = []string{
	"context", "crypto/rand", "database/...", "embed", "io/fs", "log/...", "math/rand/...",
	"net/...", "os/...", "runtime/...", "sync/...", "syscall", "testing/...",
}

// library says which packages may use a package from outside the module.
type library struct {
	path string // including all packages below it
	in   []string

	// reach also counts use through other packages: a package that is not in the list must not link
	// the library at all.
	reach bool
}

// everywhere allows a library in all packages that are not pure.
var everywhere = []string{"..."}

// libraries are the dependencies that hosts get, and standard packages whose use is restricted.
var libraries = []library{
	{path: "github.com/redis/go-redis/v9", reach: true, in: []string{
		"store/redisstore", "redisack", "redisack/agent", "gateway/redisconfig", "gateway/redistable", "notify/redispubsub", "renewal/...",
		"internal/redisserver", "internal/redistest", "internal/redistx",
	}},
	{path: "net/http", in: []string{"ops", "notify/webhook", "redisack/httpprobe", "redisack/agent", "executor/internal/faulty", "executor/internal/tenanthttp", "executor/canary/...", "executor/bluegreen", "executor/bluegreen/bluegreentest", "gateway/internal/control", "internal/proxytest"}},
	{path: "github.com/cenkalti/backoff/v4", in: everywhere},
	{path: "go.uber.org/zap", in: everywhere},

	// Only in packages that only tests import.
	{path: "github.com/alicebob/miniredis/v2", in: []string{"internal/redistest"}},
	{path: "go.uber.org/goleak", in: []string{"internal/redistest"}},
	{path: "github.com/anishathalye/porcupine", in: []string{"store/storetest"}},
	{path: "pgregory.net/rapid", in: []string{"store/storetest"}},
}
