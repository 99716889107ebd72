package main

import (
	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/notify/webhook"
)

// notifiers returns what tells people of plans: one that logs and, with -webhook, one that posts.
func (o options) notifiers(engine *cutover.Engine) ([]*notify.Notifier, error) {
	c := notify.Config{BaseURL: o.url}
	log, err := notify.New(engine, "log", notify.Slog(nil), c)
	if err != nil || o.webhook == "" {
		return []*notify.Notifier{log}, err
	}
	sink, err := webhook.New(o.webhook, webhook.Config{Secrets: []string{o.secret}})
	if err != nil {
		return nil, err
	}
	hooks, err := notify.New(engine, "webhook", sink, c)
	return []*notify.Notifier{log, hooks}, err
}
