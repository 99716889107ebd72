package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// TestMain makes the test binary run as the program, so that tests can start and kill it.
func TestMain(m *testing.M) {
	if os.Getenv("SERVER_RUN") != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// process is a copy of the program that serves.
type process struct {
	t    *testing.T
	cmd  *exec.Cmd
	base string // the URL of the API
	user string
	pass string
	// ended has the result of the program.
	ended chan error
}

// start starts the program on a free port in a folder of its own, and returns when it serves.
func start(t *testing.T, token string, args ...string) *process {
	t.Helper()
	return startIn(t, t.TempDir(), token, args...)
}

// startIn starts the program in a folder.
func startIn(t *testing.T, dir, token string, args ...string) *process {
	t.Helper()
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), program, append([]string{"-listen", "127.0.0.1:0"}, args...)...)
	cmd.Dir = dir
	cmd.Env = append(os.Environ(), "SERVER_RUN=1", "CUTOVER_TOKEN="+token, "CUTOVER_WEBHOOK_SECRET="+secret)
	log, err := cmd.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(log)
	for lines.Scan() {
		if _, address, serves := strings.Cut(lines.Text(), " serving address="); serves {
			p := &process{t: t, cmd: cmd, base: address, user: "ada", pass: token, ended: make(chan error, 1)}
			waited := make(chan struct{})
			go func() { // the program would wait for somebody to read its log
				defer close(waited)
				_, _ = io.Copy(io.Discard, log)
				p.ended <- cmd.Wait()
			}()
			t.Cleanup(func() { // before its folder is removed
				_ = cmd.Process.Kill() // it may have ended
				<-waited
			})
			return p
		}
	}
	t.Fatalf("the program ended: %v", cmd.Wait())
	return nil
}

// kill ends the program with SIGKILL.
func (p *process) kill() {
	p.t.Helper()
	if err := p.cmd.Process.Kill(); err != nil {
		p.t.Fatal(err)
	}
	if err := <-p.ended; err == nil {
		p.t.Error("the program ended by itself")
	}
}

// document is a JSON document of the API.
type document map[string]any

// ask sends a request and returns the status and the document of the answer.
func (p *process) ask(method, path, body string) (int, document) {
	p.t.Helper()
	r, err := http.NewRequestWithContext(p.t.Context(), method, p.base+path, strings.NewReader(body))
	if err != nil {
		p.t.Fatal(err)
	}
	if body != "" {
		r.Header.Set("Content-Type", "application/json")
	}
	r.SetBasicAuth(p.user, p.pass)
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		p.t.Fatal(err)
	}
	defer func() { _ = answer.Body.Close() }()
	var d document
	if err := json.NewDecoder(answer.Body).Decode(&d); err != nil {
		p.t.Fatalf("%s %s: %v", method, path, err)
	}
	return answer.StatusCode, d
}

// rest waits until a plan is at rest, and returns its document.
func (p *process) rest(plan string) document {
	p.t.Helper()
	return p.until(plan, func(d document) bool { return d["atRest"] == true && d["state"] != "CREATED" })
}

// until waits until a plan's document is as it should be, and returns it.
func (p *process) until(plan string, is func(document) bool) document {
	p.t.Helper()
	return p.eventually("plans/"+plan, is)
}

// eventually waits until an answer is as it should be, and returns it.
func (p *process) eventually(path string, is func(document) bool) document {
	p.t.Helper()
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	end := time.After(2 * time.Minute)
	for {
		_, d := p.ask(http.MethodGet, path, "")
		if is(d) {
			return d
		}
		select {
		case <-tick.C:
		case <-end:
			p.t.Fatalf("%s stays as it is: %v", path, d)
		}
	}
}

// want fails the test unless the status and some fields of an answer are those.
func want(t *testing.T, status int, d document, wantStatus int, fields document) {
	t.Helper()
	if status != wantStatus {
		t.Fatalf("status %d, want %d: %v", status, wantStatus, d)
	}
	for name, value := range fields {
		if d[name] != value {
			t.Errorf("%s is %v, want %v", name, d[name], value)
		}
	}
}

// TestDemo gives the commands of an operator, in the words of the scenarios: create, start, look at
// the failure, retry from the checkpoint, take everything back.
func TestDemo(t *testing.T) {
	t.Parallel()
	p := start(t, "", "-demo")
	status, d := p.ask(http.MethodPost, "plans", `{
  "name": "2025-11-22 蓝绿切换部署",
  "tenantIds": ["tenant1", "flaky-tenant2", "tenant3"],
  "executorType": "BLUE_GREEN_SWITCH"
}`)
	want(t, status, d, 201, document{"planId": 1.0, "state": "CREATED", "taskCount": 3.0})
	status, d = p.ask(http.MethodPost, "plans/1/start", "")
	want(t, status, d, 200, document{"planId": 1.0, "state": "RUNNING"})
	want(t, 0, p.rest("1"), 0, document{"state": "FAILED"})
	status, d = p.ask(http.MethodGet, "tasks/1000002", "")
	want(t, status, d, 200, document{"taskId": 1000002.0, "state": "FAILED"})
	failure, _ := d["failureInfo"].(map[string]any)
	want(t, 0, failure, 0, document{"reason": "Gateway API timeout", "errorCode": "GATEWAY_TIMEOUT"})
	status, d = p.ask(http.MethodPost, "tasks/1000002/retry", `{"fromCheckpoint": true}`)
	want(t, status, d, 200, document{"taskId": 1000002.0, "state": "RUNNING"})
	want(t, 0, p.rest("1"), 0, document{"state": "COMPLETED"})
	status, d = p.ask(http.MethodPost, "plans/1/rollback", `{"reason": "the end of the test"}`)
	want(t, status, d, 200, document{"state": "ROLLING_BACK"})
	want(t, 0, p.rest("1"), 0, document{"state": "ROLLED_BACK"})
}

// TestCanary runs the other strategy of the scenarios.
func TestCanary(t *testing.T) {
	t.Parallel()
	p := start(t, "", "-demo")
	status, d := p.ask(http.MethodPost, "plans", `{"name": "slowly", "tenantIds": ["a"], "executorType": "CANARY_RELEASE"}`)
	want(t, status, d, 201, document{"state": "CREATED"})
	status, d = p.ask(http.MethodPost, "plans/1/start", "")
	want(t, status, d, 200, document{"state": "RUNNING"})
	want(t, 0, p.rest("1"), 0, document{"state": "COMPLETED"})
}

// TestWorkersNameTheirProcess finds the process id, by which somebody ends the process, in the name
// of the worker.
func TestWorkersNameTheirProcess(t *testing.T) {
	t.Parallel()
	p := start(t, "secret", "-demo", "-name", "node")
	d := p.eventually("workers", func(d document) bool {
		workers, _ := d["workers"].([]any)
		return len(workers) == 1
	})
	name, _ := d["workers"].([]any)[0].(map[string]any)["worker"].(string)
	if !strings.HasPrefix(name, fmt.Sprintf("node-%d-", p.cmd.Process.Pid)) {
		t.Errorf("the worker is %s, process %d", name, p.cmd.Process.Pid)
	}
}

// TestSignIn asks with and without the token.
func TestSignIn(t *testing.T) {
	t.Parallel()
	p := start(t, "secret", "-demo")
	status, d := p.ask(http.MethodGet, "me", "")
	want(t, status, d, 200, document{"actor": "ada"})
	for _, wrong := range []process{{user: "ada", pass: "guess"}, {user: "", pass: "secret"}, {}} {
		wrong.t, wrong.base = t, p.base
		status, d = wrong.ask(http.MethodGet, "plans", "")
		want(t, status, d, 401, document{"code": "UNAUTHENTICATED"})
	}
}

// TestParse names everything that is missing.
func TestParse(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args, token, secret string
		faults              []string
	}{
		{args: "-listen 127.0.0.1:8080 -demo"},
		{args: "-listen localhost:8080 -demo"},
		{args: "-listen [::1]:8080 -demo"},
		{args: "-store redis:localhost:6379 -demo"},
		{args: "-listen :8080 -demo", faults: []string{"CUTOVER_TOKEN"}},
		{args: "-listen :8080 -demo", token: "secret"},
		{args: "-listen 127.0.0.1:8080 -tenants http://a -gateway http://b", faults: []string{"CUTOVER_TOKEN"}},
		{args: "-store postgres://app@localhost/service -demo"},
		{args: "-store postgres:dbname=service -demo"},
		{args: "-listen 127.0.0.1:8080 -store memory -demo"},
		{args: "", faults: []string{"-store sqlite without -listen", "-tenants and -gateway"}},
		{args: "-demo -store memory", faults: []string{"-store memory without -listen"}},
		{args: "-demo -store postgres:", faults: []string{"-store postgres:"}},
		{args: "-listen :1 -store mysql:file", faults: []string{"-store mysql:", "-tenants and -gateway", "CUTOVER_TOKEN"}},
		{args: "-listen 127.0.0.1:8080 -store sqlite:file -demo"},
		{args: "-store sqlite:file -demo", faults: []string{"-store sqlite without -listen"}},
		{args: "-listen 127.0.0.1:8080 -store sqlite: -demo", faults: []string{"-store sqlite:"}},
		{args: "-listen 127.0.0.1:8080 -demo -webhook http://a", secret: secret},
		{args: "-listen 127.0.0.1:8080 -demo -webhook http://a", faults: []string{"CUTOVER_WEBHOOK_SECRET"}},
		{args: "-demo -store redis:", faults: []string{"-store redis:"}},
	} {
		_, err := parse(strings.Fields(tt.args), func(name string) string {
			return map[string]string{"CUTOVER_TOKEN": tt.token, "CUTOVER_WEBHOOK_SECRET": tt.secret}[name]
		})
		if (err == nil) != (tt.faults == nil) {
			t.Errorf("%s: %v", tt.args, err)
			continue
		}
		for _, fault := range tt.faults {
			if !strings.Contains(err.Error(), fault) {
				t.Errorf("%s: %q is missing in %v", tt.args, fault, err)
			}
		}
	}
}
