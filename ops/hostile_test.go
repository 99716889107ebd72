package ops_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// hostile are requests that no client should send, with their answers.
//
//nolint:gochecknoglobals // a constant table
var hostile = map[string]struct {
	method, path, body string
	headers            []string
	status             int
	code               string
	faults             []string // nil: none
}{
	"a path that does not exist":      {method: "GET", path: "nothing", status: 404, code: "NOT_FOUND"},
	"a command on the console":        {method: "POST", path: "", status: 405, code: "METHOD_NOT_ALLOWED"},
	"a path that is not there yet":    {method: "GET", path: "plans/1/figures", status: 404, code: "NOT_FOUND"},
	"a slash at the end":              {method: "GET", path: "plans/", status: 404, code: "NOT_FOUND"},
	"two slashes":                     {method: "GET", path: "plans//1", status: 404, code: "NOT_FOUND"},
	"a path upwards":                  {method: "GET", path: "plans/../plans/1", status: 404, code: "NOT_FOUND"},
	"an escaped path upwards":         {method: "GET", path: "plans/%2e%2e/plans/1", status: 404, code: "NOT_FOUND"},
	"an escaped slash":                {method: "GET", path: "plans/1%2Ftasks", status: 404, code: "NOT_FOUND"},
	"a NUL":                           {method: "GET", path: "plans/1%00", status: 404, code: "NOT_FOUND"},
	"plan 0":                          {method: "GET", path: "plans/0", status: 404, code: "NOT_FOUND"},
	"a negative plan":                 {method: "GET", path: "plans/-1", status: 404, code: "NOT_FOUND"},
	"a plan with a leading zero":      {method: "GET", path: "plans/01", status: 404, code: "NOT_FOUND"},
	"a plan with a sign":              {method: "GET", path: "plans/+1", status: 404, code: "NOT_FOUND"},
	"a plan in another script":        {method: "GET", path: "plans/%EF%BC%91", status: 404, code: "NOT_FOUND"},
	"a huge plan":                     {method: "GET", path: "plans/99999999999999999999", status: 404, code: "NOT_FOUND"},
	"a plan as task":                  {method: "GET", path: "tasks/1", status: 404, code: "NOT_FOUND"},
	"a task with ordinal 0":           {method: "GET", path: "tasks/1000000", status: 404, code: "NOT_FOUND"},
	"a task beyond the plan's":        {method: "GET", path: "tasks/1000003", status: 404, code: "NOT_FOUND"},
	"a task of no plan":               {method: "POST", path: "tasks/99000001/pause", status: 404, code: "NOT_FOUND"},
	"wave 0":                          {method: "POST", path: "plans/1/waves/0/reject", body: `{"reason":"r"}`, status: 404, code: "NOT_FOUND"},
	"a wave with a leading zero":      {method: "POST", path: "plans/1/waves/01/reject", body: `{"reason":"r"}`, status: 404, code: "NOT_FOUND"},
	"a command by GET":                {method: "GET", path: "plans/1/start", status: 405, code: "METHOD_NOT_ALLOWED"},
	"a plan by POST":                  {method: "POST", path: "plans/1", status: 405, code: "METHOD_NOT_ALLOWED"},
	"a plan by DELETE":                {method: "DELETE", path: "plans/1", status: 405, code: "METHOD_NOT_ALLOWED"},
	"OPTIONS":                         {method: "OPTIONS", path: "plans", status: 405, code: "METHOD_NOT_ALLOWED"},
	"a method that nobody knows":      {method: "FOO", path: "plans", status: 405, code: "METHOD_NOT_ALLOWED"},
	"a form":                          {method: "POST", path: "plans", body: "name=x", headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
	"another charset":                 {method: "POST", path: "plans", body: "{}", headers: []string{"Content-Type", "application/json; charset=utf-16"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
	"a content type that is none":     {method: "POST", path: "plans", body: "{}", headers: []string{"Content-Type", ";"}, status: 415, code: "UNSUPPORTED_MEDIA_TYPE"},
	"a body that is too large":        {method: "POST", path: "plans", body: `{"name":"` + strings.Repeat("x", 1<<10) + `"}`, status: 413, code: "BODY_TOO_LARGE"},
	"half a body":                     {method: "POST", path: "plans", body: `{"name":`, status: 400, code: "MALFORMED_JSON", faults: []string{" is not JSON: unexpected end of JSON input, at byte 8"}},
	"a list":                          {method: "POST", path: "plans", body: `[]`, status: 400, code: "MALFORMED_JSON", faults: []string{" is not an object"}},
	"two documents":                   {method: "POST", path: "plans/1/pause", body: `{}{}`, status: 400, code: "MALFORMED_JSON", faults: []string{" is not JSON: invalid character '{' after top-level value, at byte 3"}},
	"text that is not UTF-8":          {method: "POST", path: "plans", body: "{\"name\":\"\xff\"}", status: 400, code: "MALFORMED_JSON", faults: []string{" is not UTF-8"}},
	"unknown members":                 {method: "POST", path: "plans/1/pause", body: `{"now":true,"Reason":"x","__proto__":{}}`, status: 400, code: "INVALID_REQUEST", faults: []string{"now is unknown", "Reason is unknown", "__proto__ is unknown"}},
	"a member of another command":     {method: "POST", path: "plans/1/pause", body: `{"fromCheckpoint":true}`, status: 400, code: "INVALID_REQUEST", faults: []string{"fromCheckpoint is unknown"}},
	"a member twice":                  {method: "POST", path: "plans/1/pause", body: `{"reason":"a","reason":"b"}`, status: 400, code: "INVALID_REQUEST", faults: []string{"reason is given twice"}},
	"a dry run in the query":          {method: "POST", path: "plans/pause?dryRun=true", status: 400, code: "INVALID_REQUEST", faults: []string{" has a query; what it says must be in the body"}},
	"a reason in the query":           {method: "POST", path: "plans/1/cancel?reason=r", body: "{}", status: 400, code: "INVALID_REQUEST", faults: []string{" has a query; what it says must be in the body", "reason is required"}},
	"a blank reason":                  {method: "POST", path: "plans/1/cancel", body: `{"reason":" \n\u00a0"}`, status: 400, code: "REASON_REQUIRED", faults: []string{"reason is required"}},
	"a blank note":                    {method: "POST", path: "plans/1/note", body: `{"reason":"  "}`, status: 400, code: "REASON_REQUIRED", faults: []string{"reason is required"}},
	"a long reason":                   {method: "POST", path: "plans/1/pause", body: `{"reason":"` + strings.Repeat("x", 2049) + `"}`, status: 413, code: "BODY_TOO_LARGE"},
	"a version without quotes":        {method: "POST", path: "plans/1/pause", headers: []string{"If-Match", "7"}, status: 400, code: "INVALID_REQUEST", faults: []string{badVersion}},
	"a weak version":                  {method: "POST", path: "plans/1/pause", headers: []string{"If-Match", `W/"7"`}, status: 400, code: "INVALID_REQUEST", faults: []string{badVersion}},
	"version 0":                       {method: "POST", path: "plans/1/pause", headers: []string{"If-Match", `"0"`}, status: 400, code: "INVALID_REQUEST", faults: []string{badVersion}},
	"several versions":                {method: "POST", path: "plans/1/pause", headers: []string{"If-Match", `"1"`, "If-Match", `"2"`}, status: 400, code: "INVALID_REQUEST", faults: []string{badVersion}},
	"a version that is huge":          {method: "POST", path: "plans/1/pause", headers: []string{"If-Match", `"99999999999999999999"`}, status: 400, code: "INVALID_REQUEST", faults: []string{badVersion}},
	"an empty key":                    {method: "POST", path: "plans/1/pause", headers: []string{"Idempotency-Key", ""}, status: 400, code: "INVALID_REQUEST", faults: []string{badKey}},
	"a key with a space":              {method: "POST", path: "plans/1/pause", headers: []string{"Idempotency-Key", "a b"}, status: 400, code: "INVALID_REQUEST", faults: []string{badKey}},
	"a key of another script":         {method: "POST", path: "plans/1/pause", headers: []string{"Idempotency-Key", "\xc3\xa4"}, status: 400, code: "INVALID_REQUEST", faults: []string{badKey}},
	"a long key":                      {method: "POST", path: "plans", body: "{}", headers: []string{"Idempotency-Key", strings.Repeat("k", 257)}, status: 400, code: "INVALID_REQUEST", faults: []string{badKey, "tenantIds is empty", "name is empty", "executorType is empty"}},
	"two keys":                        {method: "POST", path: "plans/1/pause", headers: []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, status: 400, code: "INVALID_REQUEST", faults: []string{badKey}},
	"every fault at once":             {method: "POST", path: "plans/1/cancel", body: `{"x":1}`, headers: []string{"If-Match", "7", "Idempotency-Key", ""}, status: 400, code: "INVALID_REQUEST", faults: []string{"x is unknown", badVersion, badKey, "reason is required"}},
	"no page":                         {method: "GET", path: "plans?limit=0", status: 400, code: "INVALID_REQUEST", faults: []string{badLimit}},
	"a page that is too large":        {method: "GET", path: "plans/1/tasks?limit=1001", status: 400, code: "INVALID_REQUEST", faults: []string{badLimit}},
	"a negative page":                 {method: "GET", path: "plans/1/events?limit=-1", status: 400, code: "INVALID_REQUEST", faults: []string{badLimit}},
	"a negative position":             {method: "GET", path: "plans/1/events?after=-1", status: 400, code: "INVALID_REQUEST", faults: []string{"after is not the number of an event"}},
	"a position beyond the end":       {method: "GET", path: "plans/1/events?after=99", status: 409, code: "EVENTS_AHEAD"},
	"a cursor of one's own making":    {method: "GET", path: "plans?cursor=7", status: 400, code: "INVALID_REQUEST", faults: []string{badCursor}},
	"a cursor of another list":        {method: "GET", path: "plans?cursor=dDE", status: 400, code: "INVALID_REQUEST", faults: []string{badCursor}},
	"a cursor beyond every plan":      {method: "GET", path: "plans/1/tasks?cursor=" + "dDk5OTk5OTk", status: 400, code: "INVALID_REQUEST", faults: []string{badCursor}},
	"a cursor before the beginning":   {method: "GET", path: "plans?cursor=cC0x", status: 400, code: "INVALID_REQUEST", faults: []string{badCursor}},
	"a state that is none":            {method: "GET", path: "plans?state=PENDING", status: 400, code: "INVALID_REQUEST", faults: []string{`state "PENDING" is no plan state (CREATED, RUNNING, PAUSED, FAILED, COMPLETED, CANCELLED, ROLLING_BACK, ROLLED_BACK, ROLLBACK_FAILED)`}},
	"unknown parameters":              {method: "GET", path: "plans?b=1&a=2&limit=1&limit=2", status: 400, code: "INVALID_REQUEST", faults: []string{"a is unknown", "b is unknown", "limit is given twice"}},
	"a query that cannot be read":     {method: "GET", path: "plans?%zz", status: 400, code: "INVALID_REQUEST", faults: []string{" has a query that cannot be read"}},
	"a post of another site":          {method: "POST", path: "plans/1/start", headers: []string{"Origin", "https://evil.example"}, status: 403, code: "CROSS_ORIGIN"},
	"a fetch of another site":         {method: "POST", path: "plans/1/start", headers: []string{"Sec-Fetch-Site", "cross-site"}, status: 403, code: "CROSS_ORIGIN"},
	"a fetch of a site beside":        {method: "POST", path: "plans/1/start", headers: []string{"Sec-Fetch-Site", "same-site"}, status: 403, code: "CROSS_ORIGIN"},
	"a stream of nothing":             {method: "GET", path: "stream", status: 400, code: "INVALID_REQUEST", faults: []string{"plan is required, unless there is list=1"}},
	"a stream of no plan":             {method: "GET", path: "stream?plan=x&list=1", status: 400, code: "INVALID_REQUEST", faults: []string{`plan "x" is no plan id (a number from 1 to 9007199253)`}},
	"a stream of too many plans":      {method: "GET", path: "stream?" + manyPlans(17), status: 400, code: "INVALID_REQUEST", faults: []string{"plan is given 17 times, the limit is 16"}},
	"another list":                    {method: "GET", path: "stream?list=2", status: 400, code: "INVALID_REQUEST", faults: []string{"list is not 1"}},
	"two lists":                       {method: "GET", path: "stream?list=1&list=1", status: 400, code: "INVALID_REQUEST", faults: []string{"list is given twice"}},
	"a stream of a plan that is none": {method: "GET", path: "stream?plan=99", headers: []string{"Last-Event-ID", "1:1"}, status: 501, code: "NO_STREAM"},
	"a stream from a negative event":  {method: "GET", path: "stream?plan=1&after=1:-1", status: 400, code: "INVALID_REQUEST", faults: []string{"after " + badPosition}},
	"a stream from nowhere":           {method: "GET", path: "stream?plan=1", headers: []string{"Last-Event-ID", "garbage"}, status: 400, code: "INVALID_REQUEST", faults: []string{"Last-Event-ID " + badPosition}},
	"a stream from half a position":   {method: "GET", path: "stream?plan=1", headers: []string{"Last-Event-ID", "1:1,"}, status: 400, code: "INVALID_REQUEST", faults: []string{"Last-Event-ID " + badPosition}},
	"a stream from two positions":     {method: "GET", path: "stream?plan=1&after=1:1,1:2", status: 400, code: "INVALID_REQUEST", faults: []string{"after " + badPosition}},
	"a stream from a huge event":      {method: "GET", path: "stream?plan=1&after=1:99999999999999999999", status: 400, code: "INVALID_REQUEST", faults: []string{"after " + badPosition}},
	"a stream from event 01":          {method: "GET", path: "stream?plan=1&after=1:01", status: 400, code: "INVALID_REQUEST", faults: []string{"after " + badPosition}},
	"a stream from 17 positions":      {method: "GET", path: "stream?plan=1&after=" + strings.ReplaceAll(strings.ReplaceAll(manyPlans(17), "plan=", ""), "&", ":1,") + ":1", status: 400, code: "INVALID_REQUEST", faults: []string{"after " + badPosition}},
	"a stream by POST":                {method: "POST", path: "stream?plan=1", status: 405, code: "METHOD_NOT_ALLOWED"},
	"an approval without its version": {method: "POST", path: "plans/1/waves/1/approve", status: 428, code: "VERSION_REQUIRED"},
}

const (
	badVersion  = `If-Match is not the version of a plan in quotes, such as "7"`
	badKey      = "Idempotency-Key is not one text of 1 to 256 visible ASCII characters"
	badLimit    = "limit is not a number from 1 to 1000"
	badPosition = "is not the id of a message of a stream, such as 7:41,9:3, of at most 16 plans"
	badCursor   = "cursor is not one that a page of this list has named"
)

// manyPlans are parameters that name plans.
func manyPlans(n int) string {
	var text []string
	for i := range n {
		text = append(text, fmt.Sprintf("plan=%d", i+1))
	}
	return strings.Join(text, "&")
}

// A hostile request is refused with a problem document that says why, and changes nothing.
func TestHostileRequests(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{MaxBody: 1 << 10})
	id := s.create(plan.Spec{}, "a", "b")
	before, err := s.engine.Plan(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	for name, x := range hostile {
		t.Run(name, func(t *testing.T) {
			r := send(t, s.handler, x.method, x.path, x.body, x.headers...)
			if r.status != x.status || r.code() != x.code || !slices.Equal(r.faults(), x.faults) {
				t.Errorf("%d %s\nwant %d %s %q", r.status, r.text, x.status, x.code, x.faults)
			}
			if r.header.Get("Content-Type") != "application/problem+json" || r.body["status"] != float64(x.status) || r.body["title"] == "" {
				t.Errorf("%q %s", r.header.Get("Content-Type"), r.text)
			}
			if (r.header.Get("Allow") != "") != (x.status == http.StatusMethodNotAllowed) {
				t.Errorf("Allow: %q", r.header.Get("Allow"))
			}
		})
	}
	if after, err := s.engine.Plan(t.Context(), id); err != nil || after.Version != before.Version || after.LastEvent != before.LastEvent {
		t.Errorf("the plan has changed: %v", err)
	}
}

// A request with thousands of faults gets an answer that names a hundred.
func TestManyFaults(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	var query strings.Builder
	for i := range 4000 {
		fmt.Fprintf(&query, "state=X&p%d=1&", i)
	}
	for _, r := range []reply{s.send("GET", "plans?"+query.String(), ""), s.send("POST", "plans", `{"tenantIds":[`+strings.Repeat("1,", 7997)+`1]}`)} {
		if r.body["faultCount"] != 8000.0 || len(r.faults()) != 100 {
			t.Errorf("%v faults, %d are named", r.body["faultCount"], len(r.faults()))
		}
	}
	if r := s.send("POST", "plans", `{"":1}`); r.code() != "INVALID_REQUEST" ||
		!slices.Equal(r.faults(), []string{`"" is unknown`, "tenantIds is empty", "name is empty", "executorType is empty"}) {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// Every answer forbids to keep it, to guess its type, and to show it in a frame.
func TestHeaders(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for _, path := range []string{"plans", "health", "nothing", "plans/7"} {
		r := s.send("GET", path, "")
		for name, want := range map[string]string{
			"Cache-Control": "no-store", "X-Content-Type-Options": "nosniff", "Referrer-Policy": "no-referrer",
			"Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Etag": "",
		} {
			if got := r.header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
}

// HTML in a name comes back escaped.
func TestNamesAreEscaped(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	r := s.send("POST", "plans", `{"name":"<script>alert(1)</script>","tenantIds":["<b>"],"executorType":"X"}`)
	if r.status != http.StatusCreated || strings.ContainsAny(r.text, "<>") || r.body["name"] != "<script>alert(1)</script>" {
		t.Errorf("%d %s", r.status, r.text)
	}
}

// The own site, trusted ones, and clients that are no browsers may send commands.
func TestOrigins(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{TrustedOrigins: []string{"https://desk.example"}})
	id := s.create(plan.Spec{}, "a")
	s.start(id)
	for _, headers := range [][]string{
		nil, {"Origin", "http://example.com"}, {"Origin", "https://desk.example", "Sec-Fetch-Site", "cross-site"}, {"Sec-Fetch-Site", "same-origin"}, {"Sec-Fetch-Site", "none"},
	} {
		if r := s.send("POST", "plans/1/start", "", headers...); r.status != http.StatusOK {
			t.Errorf("%q: %d %s", headers, r.status, r.text)
		}
	}
}

// A client that stops in the middle of its body gets an answer.
func TestSlowBody(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	h, err := ops.New(s.engine, ops.Config{Authenticate: ops.AllowAll("ada")})
	if err != nil {
		t.Fatal(err)
	}
	h.SetBodyTimeout(20 * time.Millisecond)
	server := httptest.NewServer(h)
	defer server.Close()
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /plans HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{"); err != nil {
		t.Fatal(err)
	}
	answer, err := io.ReadAll(conn)
	if text := string(answer); err != nil || !strings.HasPrefix(text, "HTTP/1.1 408 ") || !strings.Contains(text, "BODY_TOO_SLOW") {
		t.Errorf("%s: %v", text, err)
	}
}

// A body that ends early, and one without a length, are read to their end.
func TestBodies(t *testing.T) {
	t.Parallel()
	s := newSite(t, nil, ops.Config{})
	for _, tt := range []struct {
		name   string
		length int64
		kind   string
		text   string
		status int
	}{
		{"without a length", -1, "application/json", `{"name":"n","tenantIds":["a"],"executorType":"X"}`, http.StatusCreated},
		{"without a length and a type", -1, "", `{"name":"n"}`, http.StatusUnsupportedMediaType},
		{"without a length, a type and content", -1, "", "", http.StatusBadRequest},
		{"with a charset", 49, "Application/JSON; charset=utf-8", `{"name":"n","tenantIds":["a"],"executorType":"X"}`, http.StatusCreated},
	} {
		r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/plans", io.NopCloser(strings.NewReader(tt.text)))
		r.ContentLength = tt.length
		r.Header.Set("Content-Type", tt.kind)
		w := httptest.NewRecorder()
		s.handler.ServeHTTP(w, r)
		if w.Code != tt.status {
			t.Errorf("a body %s: %d %s", tt.name, w.Code, w.Body)
		}
	}
	r := httptest.NewRequestWithContext(t.Context(), "POST", "/api/plans", io.MultiReader(strings.NewReader("{"), brokenReader{}))
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	s.handler.ServeHTTP(w, r)
	if w.Code != http.StatusBadRequest || !strings.Contains(w.Body.String(), "BODY_UNREADABLE") {
		t.Errorf("a body that breaks off: %d %s", w.Code, w.Body)
	}
}

// brokenReader is the body of a client that has gone away.
type brokenReader struct{}

func (brokenReader) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
