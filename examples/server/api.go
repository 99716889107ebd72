package main

import (
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"net/http"

	"github.com/cutover-go/cutover"
	"github.com/cutover-go/cutover/notify"
	"github.com/cutover-go/cutover/ops"
	"github.com/cutover-go/cutover/plan"
)

// routes mounts the operators' API at /api/. A server that shuts down has to close it.
func routes(engine *cutover.Engine, notifiers []*notify.Notifier, o options) (mux *http.ServeMux, api *ops.Handler, err error) {
	api, err = ops.New(engine, ops.Config{
		Authenticate: o.authenticate(),
		// In a demo there is nobody else to approve of a wave.
		SelfApproval: o.demo,
		Notifiers:    notifiers,
	})
	if err != nil {
		return nil, nil, err
	}
	mux = http.NewServeMux()
	mux.Handle("/api/", http.StripPrefix("/api", api))
	mux.Handle("GET /{$}", http.RedirectHandler("api/", http.StatusSeeOther))
	return mux, api, nil
}

// operator is somebody who knows the token. A host has its own roles, and compares them in May.
type operator string

func (o operator) Actor() string { return string(o) }

func (operator) May(ops.Action, *plan.Plan) bool { return true }

// authenticate returns how callers sign in.
func (o options) authenticate() func(*http.Request) (ops.Caller, error) {
	if o.open() {
		return func(r *http.Request) (ops.Caller, error) {
			if user, _, given := r.BasicAuth(); given && user != "" {
				return operator(user), nil
			}
			return operator("demo"), nil
		}
	}
	token := sha256.Sum256([]byte(o.token))
	return func(r *http.Request) (ops.Caller, error) {
		user, password, given := r.BasicAuth()
		if !given {
			return nil, &ops.ChallengeError{Challenge: `Basic realm="cutover", charset="UTF-8"`}
		}
		// Hashes have one length, so the time of the comparison tells nothing about the token.
		got := sha256.Sum256([]byte(password))
		if user == "" || subtle.ConstantTimeCompare(got[:], token[:]) != 1 {
			return nil, errors.New("unknown user or wrong token")
		}
		return operator(user), nil
	}
}
