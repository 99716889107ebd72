package engine

import (
	"slices"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/executor"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/store/memstore"
)

// What is suspicious about a strategy is logged when the plan is created: what Spec.Arrange warns
// of, and a rollback that the executor of this process cannot carry out.
func TestCreateLogsWhatIsSuspicious(t *testing.T) {
	t.Parallel()
	core, logs := observer.New(zapcore.WarnLevel)
	e := newEngine(t, memstore.New(), cutover.Config{Executors: executor.Registry{"FUNC": executor.Func(untilStopped), "BOTH": both{}}, Logger: zap.New(core)})
	vanishes := strategy.Strategy{MaxFailures: strategy.Percent(10)}
	undoes := strategy.Strategy{FailureAction: strategy.RollbackPlan}
	undoesWaves := strategy.Strategy{FailureAction: strategy.RollbackWave, WaveSizes: []strategy.Amount{strategy.Count(1)}}
	const cannot = ` will fail: the executor "FUNC" cannot undo its work`
	tests := map[string]struct {
		executor string
		strategy strategy.Strategy
		options  []cutover.CreateOption
		want     []string
	}{
		"nothing":                  {"FUNC", strategy.Strategy{}, nil, nil},
		"a tolerance that is none": {"FUNC", vanishes, nil, []string{"Strategy.MaxFailures: 10% of 2 tasks is less than one; no failure is tolerated"}},
		"no rollback":              {"FUNC", undoes, nil, []string{"Strategy.FailureAction: RollbackPlan" + cannot}},
		"no rollback of a wave":    {"FUNC", undoesWaves, nil, []string{"Strategy.FailureAction: RollbackWave" + cannot}},
		"a rollback":               {"BOTH", undoes, nil, nil},
		"an executor elsewhere":    {"FAR", undoes, []cutover.CreateOption{cutover.ExecutorElsewhere()}, nil},
	}
	for name, tt := range tests {
		s := spec("a", "b")
		s.Name, s.ExecutorType, s.Strategy = name, tt.executor, tt.strategy
		if _, err := e.Create(t.Context(), s, tt.options...); err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		var got []string
		for _, l := range logs.TakeAll() {
			fields := l.ContextMap()
			if l.Message != "suspicious strategy" || fields["plan"] != name {
				t.Errorf("%s: logged %q, %v", name, l.Message, fields)
			}
			got = append(got, fields["field"].(string)+": "+fields["problem"].(string))
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%s: %q, want %q", name, got, tt.want)
		}
	}
}
