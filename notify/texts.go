package notify

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"github.com/cutover-go/cutover/plan"
)

// texts are the titles and texts of messages in one language.
type texts struct {
	plan, note, task, failure, failures, overtaken, rewound, test string
	cause, others, by, reason, event                              string
}

// english and chinese return the texts of a language.
func english() texts {
	return texts{
		plan:      "Plan %[2]s %[1]q: %[3]s (%[4]s)",
		note:      "Plan %[2]s %[1]q: a note",
		task:      "Plan %[2]s %[1]q: tenant %[3]s is %[4]s (%[5]s)",
		failure:   "Plan %[2]s %[1]q: tenant %[3]s failed: %[4]s",
		failures:  "Plan %[2]s %[1]q: %[3]d tasks failed",
		overtaken: "Plan %[2]s %[1]q: %[3]d events were lost; the plan is %[4]s",
		rewound:   "Plan %[2]s %[1]q: the store has gone back in time; the plan is %[3]s",
		test:      "Test of notifier %s",
		cause:     "%d x %s at %s, for instance %s: %s",
		others:    "%d for other causes",
		by:        "by %s",
		reason:    "reason: %s",
		event:     "%s: %s",
	}
}

func chinese() texts {
	return texts{
		plan:      "计划 %[2]s「%[1]s」：%[3]s（%[4]s）",
		note:      "计划 %[2]s「%[1]s」：备注",
		task:      "计划 %[2]s「%[1]s」：租户 %[3]s 的任务为 %[4]s（%[5]s）",
		failure:   "计划 %[2]s「%[1]s」：租户 %[3]s 失败：%[4]s",
		failures:  "计划 %[2]s「%[1]s」：%[3]d 个任务失败",
		overtaken: "计划 %[2]s「%[1]s」：丢失 %[3]d 个事件；计划状态为 %[4]s",
		rewound:   "计划 %[2]s「%[1]s」：存储回退到了较早的时刻；计划状态为 %[3]s",
		test:      "通知器 %s 的测试消息",
		cause:     "%d 次 %s，步骤 %s，例如 %s：%s",
		others:    "其他原因 %d 次",
		by:        "操作人：%s",
		reason:    "原因：%s",
		event:     "%s：%s",
	}
}

// texts returns the texts of the notifier's language.
func (n *Notifier) texts() texts {
	if n.cfg.Language == "zh-CN" {
		return chinese()
	}
	return english()
}

// describe fills in the title and the text of a message. They are cut to what fits on a phone.
func (t texts) describe(m *Message) {
	var lines []string
	id := m.Plan.String()
	switch e := m.Event; {
	case m.Kind == KindTest:
		m.Title = fmt.Sprintf(t.test, m.Notifier)
	case e != nil && m.Kind == KindTask:
		m.Title = fmt.Sprintf(t.task, m.PlanName, id, e.Tenant, e.To, e.Cause)
	case e != nil && e.Cause == plan.ByNote.String():
		m.Title = fmt.Sprintf(t.note, m.PlanName, id)
	case e != nil:
		m.Title = fmt.Sprintf(t.plan, m.PlanName, id, e.To, e.Cause)
	case m.Kind == KindOvertaken && m.Lost > 0:
		m.Title = fmt.Sprintf(t.overtaken, m.PlanName, id, m.Lost, m.State)
	case m.Kind == KindOvertaken:
		m.Title = fmt.Sprintf(t.rewound, m.PlanName, id, m.State)
	case m.Failures == 1 && len(m.Causes) == 1:
		m.Title = fmt.Sprintf(t.failure, m.PlanName, id, m.Causes[0].Tenants[0], m.Causes[0].Code)
	default:
		m.Title = fmt.Sprintf(t.failures, m.PlanName, id, m.Failures)
	}
	if e := m.Event; e != nil {
		if e.Actor != "" {
			lines = append(lines, fmt.Sprintf(t.by, e.Actor))
		}
		switch {
		case e.Cause == plan.ByNote.String():
			lines = append(lines, e.Reason)
		case e.Reason != "":
			lines = append(lines, fmt.Sprintf(t.reason, e.Reason))
		}
	}
	if len(m.Counters) > 0 {
		var parts []string
		for state, n := range m.Counters {
			parts = append(parts, fmt.Sprintf("%s %d", state, n))
		}
		slices.Sort(parts)
		lines = append(lines, strings.Join(parts, ", "))
	}
	for _, e := range m.Events {
		lines = append(lines, fmt.Sprintf(t.event, e.Cause, e.To))
	}
	for _, c := range m.Causes {
		lines = append(lines, fmt.Sprintf(t.cause, c.Count, c.Code, cmp.Or(c.Step, "-"), strings.Join(c.Tenants, ", "), c.Reason))
	}
	if m.Others > 0 {
		lines = append(lines, fmt.Sprintf(t.others, m.Others))
	}
	m.Text = strings.Join(lines, "\n")
}
