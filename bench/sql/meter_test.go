package sqlbench

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// result is the result of one run of a subject.
type result struct {
	perSecond float64 // tasks, from the first one taken to the last one done
	cpu       float64 // seconds per 1,000 tasks, of this process and the server, their creation included
	bytes     float64 // of a task, without events and locks
	hot       float64 // the share of updates of tasks that touched no index
	tasks     int
}

// meter measures a run.
type meter struct {
	server     func() float64 // the server's seconds of CPU
	cpu        float64
	from, till time.Time
	used       float64
}

func startMeter(server func() float64) *meter {
	return &meter{server: server, cpu: ownCPU() + server()}
}

// created marks the beginning of the run: the tasks are there.
func (m *meter) created() { m.from = time.Now() }

// done marks its end.
func (m *meter) done() { m.till, m.used = time.Now(), ownCPU()+m.server()-m.cpu }

func (m *meter) fill(r *result, n int) {
	r.tasks, r.perSecond, r.cpu = n, float64(n)/m.till.Sub(m.from).Seconds(), m.used/float64(n)*1000
}

func ownCPU() float64 {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u)
	return time.Duration(u.Utime.Nano() + u.Stime.Nano()).Seconds()
}

// treeCPU returns the seconds of CPU of a process and its children, with those that have ended.
func treeCPU(root int) float64 {
	sum := 0.0
	files, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, file := range files {
		id, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil {
			continue
		}
		fields := stat(id)
		switch {
		case len(fields) < 15:
		case id == root:
			sum += ticks(fields[11:15])
		case fields[1] == strconv.Itoa(root):
			sum += ticks(fields[11:13])
		}
	}
	return sum
}

// parent returns the parent of a process.
func parent(id int) int {
	fields := stat(id)
	if len(fields) < 2 {
		return 0
	}
	n, _ := strconv.Atoi(fields[1])
	return n
}

// stat returns the fields of /proc/id/stat from the state on.
func stat(id int) []string {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(id) + "/stat")
	_, rest, _ := strings.Cut(string(b), ") ")
	return strings.Fields(rest)
}

func ticks(fields []string) (seconds float64) {
	for _, f := range fields {
		n, _ := strconv.ParseFloat(f, 64)
		seconds += n / 100
	}
	return seconds
}
