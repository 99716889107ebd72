package storetest

import (
	"maps"
	"slices"
	"testing"

	"github.com/cutover-go/cutover/internal/sample"
	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// TestBroken checks that stores that break one promise fail the tests of that promise. With -short,
// each run takes the next eight of them.
func TestBroken(t *testing.T) {
	t.Parallel()
	stores := map[string]struct {
		promise string
		wrap    func(s store.Store) store.Store
	}{
		"no compare-and-set":               {"1-commit", wrap[noCompare]},
		"no token check":                   {"1-commit", wrap[noTokens]},
		"stops at the first refusal":       {"1-commit", wrap[stopsEarly]},
		"tells nobody to stop":             {"1-commit", wrap[neverStops]},
		"loses undo entries":               {"1-commit", wrap[losesUndo]},
		"miscounts":                        {"1-commit", wrap[miscounts]},
		"forgets attempts":                 {"1-commit", wrap[forgetsAttempts]},
		"clears attempts":                  {"1-commit", wrap[clearsAttempts]},
		"keeps any attempt":                {"1-commit", wrap[keepsAnyAttempt]},
		"saves again":                      {"2-repeat", wrap[worksAgain]},
		"obeys again":                      {"2-repeat", wrap[obeysAgain]},
		"claims again":                     {"2-repeat", wrap[claimsAgain]},
		"closes late":                      {"3-breach", wrap[closesLate]},
		"groups no failures":               {"3-breach", tells(groupsNothing)},
		"groups by code alone":             {"3-breach", tells(groupsByCode)},
		"knows no limit of a group":        {"3-breach", obeys(knowsNoSame)},
		"acknowledges no groups":           {"3-breach", obeys(acknowledgesNoGroups)},
		"hands out twice":                  {"4-claim", wrap[handsOutTwice]},
		"takes strict for soft":            {"4-claim", wrap[neverStrict]},
		"claims what was not chosen":       {"4-claim", wrap[choosesAny]},
		"claims what was chosen only":      {"4-claim", wrap[choosesPendingOnly]},
		"leases come back":                 {"5-lease", wrap[leasesComeBack]},
		"the living are orphans":           {"5-lease", wrap[livingOrphans]},
		"names half of what is held":       {"5-lease", wrap[halfHeld]},
		"frees others' tenants":            {"6-tenant", wrap[freesAny]},
		"replaces others' locks":           {"6-tenant", wrap[replacesAny]},
		"forgets that a start skips":       {"6-tenant", obeys(forgetsSkipping)},
		"forgets why it skips":             {"6-tenant", obeys(forgetsHolders)},
		"does not count tenants":           {"7-create", wrap[countsNothing]},
		"does not compare content":         {"7-create", wrap[sameContent]},
		"begins anew":                      {"7-create", wrap[beginsAnew]},
		"takes all creators for one":       {"7-create", wrap[oneCreator]},
		"removes what is not over":         {"7-create", wrap[removesAny]},
		"rests in spite of a command":      {"8-agenda", wrap[restsAny]},
		"never late":                       {"8-agenda", wrap[neverLate]},
		"leaves plans to nobody":           {"8-agenda", wrap[leavesToNobody]},
		"leaves plans to all":              {"8-agenda", wrap[leavesToAll]},
		"leaves plans for good":            {"8-agenda", wrap[keepsWhatIsLeft]},
		"puts what is left last":           {"8-agenda", wrap[leftLast]},
		"never due":                        {"8-agenda", wrap[neverDue]},
		"no hint of tasks":                 {"8-agenda", wrap[quietTasks]},
		"event gap":                        {"9-events", wrap[eventGap]},
		"tasks among the plan's own":       {"9-events", wrap[ownOfAll]},
		"forgets the creation":             {"9-events", wrap[ownBeginLate]},
		"never at rest":                    {"9-events", wrap[restless]},
		"takes any position for the end":   {"9-events", wrap[neverAhead]},
		"cursors for everybody":            {"9-events", wrap[sharedCursors]},
		"endless pages":                    {"10-query", wrap[longPages]},
		"pages beyond their end":           {"10-query", wrap[untilTheEnd]},
		"pending in a cancelled plan":      {"10-query", wrap[stillPending]},
		"states of other tasks":            {"10-query", wrap[statesOffByOne]},
		"states as they are stored":        {"10-query", wrap[statesAsStored]},
		"endless states":                   {"10-query", wrap[longStates]},
		"takes any page":                   {"11-errors", wrap[anyPage]},
		"goes on for nobody":               {"11-errors", wrap[ignoresContext]},
		"calls every fault a passing one":  {"11-errors", wrap[alwaysTemporary]},
		"each plan counts alone":           {"13-tokens", wrap[ownTokens]},
		"raises no tokens by command":      {"13-tokens", wrap[raisesNone]},
		"raises no tokens by claim":        {"13-tokens", wrap[raisesNoTokens]},
		"claims what waits":                {"14-wait", wrap[claimsEarly]},
		"claims undos that stop":           {"4-claim", wrap[claimsStopping]},
		"claims due undos that stop":       {"14-wait", wrap[claimsStopping]},
		"claims undos of a wave that stop": {"15-waves", wrap[claimsStopping]},
		"keeps no slot of what waits":      {"14-wait", wrap[keepsNoSlot]},
		"forgets the waits of the paused":  {"14-wait", wrap[forgetsPausedWaits]},
		"cuts the waits of the resumed":    {"14-wait", wrap[cutsResumedWaits]},
		"binds what is due to slots":       {"14-wait", wrap[bindsDueToSlots]},
		"lets undos wait for anything":     {"14-wait", wrap[undosWait]},
		"does not stop what is deferred":   {"14-wait", wrap[stopsNoWait]},
		"defers again":                     {"14-wait", wrap[worksAgain]},
		"counts no time":                   {"14-wait", wrap[countsNoTime]},
		"tells no time":                    {"14-wait", wrap[tellsNoTime]},
		"claims the latest first":          {"14-wait", wrap[latestFirst]},
		"counts in the open wave":          {"15-waves", tells(countsInTheOpen)},
		"counts only the open wave":        {"15-waves", tells(countsOnlyTheOpen)},
		"goes on counting in waves":        {"15-waves", wrap[countsOn]},
		"never ends a wave":                {"15-waves", tells(neverEndsWaves)},
		"ends a wave again and again":      {"15-waves", tells(endsWavesAnew)},
		"judges by the plan alone":         {"15-waves", forgives(allWaves)},
		"judges by the open wave alone":    {"15-waves", forgives(allButTheOpen)},
		"judges by every wave":             {"15-waves", wrap[harsh]},
		"judges a wave late":               {"15-waves", wrap[closesLate]},
		"opens all waves":                  {"15-waves", obeys(opensAllWaves)},
		"takes a canary for any wave":      {"15-waves", wrap[neverStrict]},
		"opens early":                      {"15-waves", obeys(opensEarly)},
		"never closes":                     {"15-waves", obeys(closesNever)},
		"holds back what has begun":        {"15-waves", wrap[holdsAllBack]},
		"forgets approvals":                {"15-waves", obeys(forgetsApprovals)},
		"undoes other waves, too":          {"15-waves", obeys(undoesAll)},
		"undoes what runs":                 {"15-waves", obeys(undoesAtOnce)},
		"forgets undone waves":             {"15-waves", obeys(forgetsUndone)},
		"counts nothing in flight":         {"15-waves", tells(countsNoFlights)},
		"repeats old answers":              {"15-waves", wrap[repeatsItself]},
		"appends nothing":                  {"16-add", wrap[appendsNothing]},
		"appends for anybody":              {"16-add", wrap[appendsForAnybody]},
		"shows what is appended":           {"16-add", wrap[showsAppended]},
		"strips labels":                    {"16-add", wrap[stripsLabels]},
		"counts no added waves":            {"16-add", tells(countsNoAddedWaves)},
		"starts in a stopped plan":         {"18-alone", forgetting(task.StartRequest)},
		"exempts nothing":                  {"18-alone", forgetting(task.ExemptRequest)},
		"stops the exempt":                 {"18-alone", wrap[stopsExempt]},
		"exempts until a worker is gone":   {"18-alone", wrap[endsExemption]},
		"marks what changed as read":       {"19-subscription", wrap[readsAnyway]},
		"never unread":                     {"19-subscription", wrap[neverUnread]},
		"shows the unread to all":          {"19-subscription", wrap[showsToAll]},
		"puts nothing off":                 {"19-subscription", wrap[putsOffNothing]},
		"one cursor for a name":            {"19-subscription", wrap[oneCursor]},
		"subscribes from the start":        {"19-subscription", wrap[begins]},
		"never ready":                      {"19-subscription", wrap[unready]},
		"loses dead letters":               {"19-subscription", wrap[losesLetters]},
		"drops no dead letters":            {"19-subscription", wrap[keepsLetters]},
		"never unsubscribes":               {"19-subscription", wrap[keepsSubscriptions]},
		"one position for all plans":       {"19-subscription", wrap[onePosition]},
		"lists the workers that left":      {"20-registry", wrap[listsGone]},
		"forgets what workers told":        {"20-registry", wrap[forgetsProcess]},
		"forgets what workers hold":        {"20-registry", wrap[ignoresReports]},
		"renews by a report":               {"20-registry", wrap[reportsRenew]},
		"lists workers in any order":       {"20-registry", wrap[anyOrder]},
		"names what others hold":           {"20-registry", wrap[holdingsOfAll]},
		"counts each plan alone":           {"21-place", wrap[countsEachPlan]},
		"has a place too many":             {"21-place", wrap[oneTooMany]},
		"frees others' places":             {"21-place", wrap[vacatesAny]},
		"replaces any place":               {"21-place", wrap[replacesPlaces]},
	}
	names := slices.Sorted(maps.Keys(stores))
	for _, i := range sample.Of(t, 8, uint64(len(names))) {
		name, broken := names[i], stores[names[i]]
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			h := Harness{New: func(testing.TB) store.Store { return broken.wrap(memstore.New()) }}
			if failing(t, h, broken.promise) == 0 {
				t.Errorf("the tests of %s passed", broken.promise)
			}
		})
	}
}

// TestWhole checks that a correct store passes under the recorder.
func TestWhole(t *testing.T) {
	t.Parallel()
	h := Harness{New: func(testing.TB) store.Store { return memstore.New() }}
	for _, p := range promises() {
		if n := failing(t, h, p.name); n > 0 {
			t.Errorf("%d tests of %s failed", n, p.name)
		}
	}
}

// failing runs the tests of a promise and returns the number that fail.
func failing(t *testing.T, h Harness, name string) (n int) {
	t.Helper()
	for _, p := range promises() {
		if p.name != name {
			continue
		}
		for _, c := range p.cases {
			if c.trims || c.skews {
				continue
			}
			if found := failures(t, h, c); len(found) > 0 {
				t.Logf("%s: %s", c.name, found[0])
				n++
			}
		}
	}
	return n
}
