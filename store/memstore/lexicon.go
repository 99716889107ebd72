package memstore

import (
	"sync"

	"github.com/cutover-go/cutover/task"
)

// word is the number of one of the few strings that recur in events: causes and states.
type word uint16

// taskState and taskCause return the words that every lexicon begins with.
func taskState(s task.State) word { return 1 + word(s) }

func taskCause(c task.Cause) word { return 1 + word(task.NumStates) + word(c) }

// lexicon maps the words of a store to their strings and back. It only grows.
type lexicon struct {
	mu    sync.RWMutex
	texts []string
	words map[string]word
}

func newLexicon() *lexicon {
	l := &lexicon{texts: []string{""}, words: map[string]word{"": 0}}
	for s := range task.NumStates {
		l.append(task.State(s).String())
	}
	for c := task.ByClaim; c <= task.ByUndoFailure; c++ {
		l.append(c.String())
	}
	return l
}

// append assigns the next word to a string.
func (l *lexicon) append(text string) word {
	w := word(len(l.texts))
	l.texts = append(l.texts, text)
	l.words[text] = w
	return w
}

// word returns the word for a string.
func (l *lexicon) word(text string) word {
	l.mu.Lock()
	defer l.mu.Unlock()
	if w, ok := l.words[text]; ok {
		return w
	}
	return l.append(text)
}

// snapshot returns the strings, indexed by word.
func (l *lexicon) snapshot() []string {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return l.texts
}
