package archtest_test

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"unicode"
)

// retired are words that had several meanings in this module, or a private meaning, each with the
// usual word that replaced it. No name may contain one.
var retired = map[string]string{
	"bell": "Broadcaster", "poke": "Flag.Raise", "disown": "revoke", "stray": "untrackedClaim",
	"tend": "reconcile", "restOf": "nextCheck", "forGood": "untilNextCommand", "attend": "Enqueue", "othersWait": "Contended",
	"handBack": "yield", "handsBack": "yields", "linger": "withGrace",
	"planAnswer": "PlanResult", "taskAnswer": "TaskResult", "alreadySo": "Unchanged", "tooLate": "notApplicable",
	"workKind": "ChangeKind", "pausedAlone": "PausedIndividually", "undosDry": "UndosExhausted", "maxHeld": "MaxSlots",
	"lane": "commitQueue, nodeQueue", "lanes": "commitQueues, nodeQueues",
	"senseless": "corruptHead", "census": "tally", "heir": "replacement", "enlist": "loadFleet", "seam": "backend", "vet": "validate",
	"meddler": "interceptedStore", "deaf": "withoutHints", "hollow": "nilError", "cancelled": "canceled",
}

// retiredAlone are everyday words that have their retired meaning only in a name that is the word
// and nothing else.
var retiredAlone = map[string]string{
	"doubt": "markUncertain", "gone": "lost", "told": "stopRequested", "hear": "applyStop", "wind": "releaseFinished",
	"wanted": "pending", "offer": "SetReady", "served": "claimDone", "stuck": "waitStuck", "patience": "timeout", "works": "changes",
	"trip": "roundTrip", "board": "nextBatch", "deliver": "complete", "understand": "parseRecord", "standing": "status",
	"wide": "parallelSpec",
}

// TestVocabulary checks that no name in Go or Lua contains a retired word.
func TestVocabulary(t *testing.T) {
	t.Parallel()
	watchSources(t)
	for _, fault := range vocabularyFaults(t) {
		t.Error(fault)
	}
}

// vocabularyFaults returns a fault for each retired word in a declared name.
var vocabularyFaults = once(func() (faults []string, err error) {
	err = filepath.WalkDir(moduleRoot, func(path string, d fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case d.IsDir() && slices.Contains([]string{"bin", ".git", "testdata"}, d.Name()):
			return filepath.SkipDir
		}
		names, err := declared(path)
		for _, name := range names {
			if word, better := retiredWord(name.text); word != "" {
				faults = append(faults, fmt.Sprintf("%s: %s says %q: %s", name.where, name.text, word, better))
			}
		}
		return err
	})
	return faults, err
})

func TestRetiredWords(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{
		"lane": "lane", "newLane": "lane", "lanesByNode": "lanes", "planet": "", "ErrTooLate": "tooLate",
		"UndosDry": "undosDry", "TestDeafEngine": "deaf", "work": "", "intended": "", "statesCancelled": "cancelled",
		"Gone": "", "gone": "gone", "TestGone": "",
	} {
		if got, _ := retiredWord(name); got != want {
			t.Errorf("%s: %q, want %q", name, got, want)
		}
	}
}

// retiredWord returns the retired word in a name, and the word to use instead.
func retiredWord(name string) (word, better string) {
	parts := camelParts(name)
	if better, ok := retiredAlone[strings.ToLower(name)]; ok && name != "Gone" { // redisack
		return strings.ToLower(name), better
	}
	for n := len(parts); n > 0; n-- {
		for i := 0; i+n <= len(parts); i++ {
			joined := strings.ToLower(parts[i]) + strings.Join(parts[i+1:i+n], "")
			if better, ok := retired[joined]; ok {
				return joined, better
			}
		}
	}
	return "", ""
}

// camelParts splits a name into its words: newNodeQueue into new, Node, Queue.
func camelParts(name string) (parts []string) {
	start := 0
	runes := []rune(name)
	for i := 1; i <= len(runes); i++ {
		if i == len(runes) || runes[i] == '_' || unicode.IsUpper(runes[i]) && !unicode.IsUpper(runes[i-1]) {
			parts = append(parts, strings.Trim(string(runes[start:i]), "_"))
			start = i
		}
	}
	return slices.DeleteFunc(parts, func(p string) bool { return p == "" })
}

type declaredName struct{ text, where string }

// declared returns the names that a file declares.
func declared(path string) ([]declaredName, error) {
	switch filepath.Ext(path) {
	case ".go":
		return declaredInGo(path)
	case ".lua":
		return declaredInLua(path)
	}
	return nil, nil
}

func declaredInGo(path string) (names []declaredName, err error) {
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, nil, parser.SkipObjectResolution)
	if err != nil {
		return nil, err
	}
	add := func(ids ...*ast.Ident) {
		for _, id := range ids {
			if id != nil {
				names = append(names, declaredName{id.Name, files.Position(id.Pos()).String()})
			}
		}
	}
	add(file.Name)
	ast.Inspect(file, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.FuncDecl:
			add(n.Name)
		case *ast.TypeSpec:
			add(n.Name)
		case *ast.ValueSpec:
			add(n.Names...)
		case *ast.Field:
			add(n.Names...)
		case *ast.AssignStmt:
			if n.Tok == token.DEFINE {
				for _, left := range n.Lhs {
					id, _ := left.(*ast.Ident)
					add(id)
				}
			}
		case *ast.RangeStmt:
			for _, left := range []ast.Expr{n.Key, n.Value} {
				id, _ := left.(*ast.Ident)
				add(id)
			}
		}
		return true
	})
	return names, nil
}

var luaDeclaration = regexp.MustCompile(`(?m)\blocal\s+(?:function\s+)?([\w, ]+)|\bfunction\s+(\w+)|\bfor\s+([\w, ]+?)\s*(?:=|\bin\b)`)

func declaredInLua(path string) (names []declaredName, err error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	for i, line := range strings.Split(string(text), "\n") {
		code, _, _ := strings.Cut(line, "--")
		for _, found := range luaDeclaration.FindAllStringSubmatch(code, -1) {
			for _, name := range strings.FieldsFunc(strings.Join(found[1:], ","), func(r rune) bool { return r == ',' || r == ' ' }) {
				names = append(names, declaredName{name, fmt.Sprintf("%s:%d", path, i+1)})
			}
		}
	}
	return names, nil
}
