package ops

// apiVersion is the version of the documents. Fields are added without a new one.
const apiVersion = 1

// about is what me answers.
type about struct {
	Actor string `json:"actor"`
	// Actions are what the caller may do with at least some plans, as far as that can be said
	// without a plan.
	Actions []Action `json:"actions"`
	Version int      `json:"version"`
}

// me answers with who the caller is.
func me(c *call) (answer, error) {
	a := about{Actor: c.caller.Actor(), Actions: []Action{}, Version: apiVersion}
	for _, action := range Actions() {
		if c.caller.May(action, nil) {
			a.Actions = append(a.Actions, action)
		}
	}
	return answer{body: a}, nil
}

// probe is what health and ready answer. It says nothing more, because everybody may ask.
type probe struct {
	Status string `json:"status"`
}

// health answers while the process serves requests, whether or not its store is away.
func health(*call) (answer, error) { return answer{body: probe{"ok"}}, nil }

// ready answers whether this process can do its work: see cutover.Engine.Ready.
func ready(c *call) (answer, error) {
	if err := c.engine.Ready(c.r.Context()); err != nil {
		p := newProblem(codeNotReady)
		p.retryAfter = 1
		return answer{}, p
	}
	return answer{body: probe{"ready"}}, nil
}
