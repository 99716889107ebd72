package redisack

import "go.uber.org/zap"

// maxWarnings bounds the warnings of one run.
const maxWarnings = 20

// warnings collects the problems that do not decide the outcome.
type warnings struct {
	log  *zap.Logger
	list []string
}

func (w *warnings) add(text string) {
	switch {
	case len(w.list) < maxWarnings:
		w.list = append(w.list, text)
	case len(w.list) == maxWarnings:
		w.list = append(w.list, "further warnings are left out")
	}
	w.log.Warn("trouble with a confirmation", zap.String("warning", text))
}
