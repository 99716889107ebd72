package checkpoint_test

import (
	"encoding/json"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/cutover-go/cutover/checkpoint"
)

// currentVersion is the folder of the golden files that Append writes today. A new version of the
// encoding gets a new folder; the files of older versions stay as they are, because stores contain
// such bytes.
const currentVersion = "v1"

func goldenCheckpoints() map[string]checkpoint.Checkpoint {
	return map[string]checkpoint.Checkpoint{
		"checkpoint": {
			Step: "SWITCHED",
			Data: json.RawMessage(`{"completedSteps":["GET_TENANT_INFO","SWITCH_GATEWAY"],"failedStep":""}`),
		},
		"checkpoint-null":    {Step: "ONE", Data: json.RawMessage(`null`)},
		"checkpoint-colons":  {Step: "1:3:A:", Data: json.RawMessage(`":1:2:"`)},
		"checkpoint-digits":  {Step: "42", Data: json.RawMessage(`42`)},
		"checkpoint-unicode": {Step: "切换网关", Data: json.RawMessage(`{"颜色":"蓝"}`)},
		"checkpoint-longest": {Step: strings.Repeat("S", checkpoint.MaxStepName), Data: json.RawMessage(`[]`)},
		"checkpoint-spaces":  {Step: "SPACED OUT", Data: json.RawMessage(" { \"a\" : 1 }\n")},
	}
}

func goldenUndoLogs() map[string]checkpoint.UndoLog {
	return map[string]checkpoint.UndoLog{
		"undo-empty": nil,
		"undo-one":   {{Step: "SWITCH_GATEWAY", Data: json.RawMessage(`{"colour":"blue"}`)}},
		"undo-many": {
			{Step: "SWITCH_GATEWAY", Data: json.RawMessage(`{"colour":"blue"}`)},
			{Step: "2:", Data: json.RawMessage(`2`)},
			{Step: "更新状态", Data: json.RawMessage(`{"状态":"正常"}`)},
		},
	}
}

func TestCheckpointGolden(t *testing.T) {
	t.Parallel()
	for name, want := range goldenCheckpoints() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := golden(t, name, want.Append(nil))
			got, err := checkpoint.Parse(stored)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("Parse(%q) = %+v, %v, want %+v", stored, got, err, want)
			}
		})
	}
}

func TestUndoGolden(t *testing.T) {
	t.Parallel()
	for name, want := range goldenUndoLogs() {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stored := golden(t, name, want.Append(nil))
			got, err := checkpoint.ParseUndo(stored)
			if err != nil || !reflect.DeepEqual(got, want) {
				t.Errorf("ParseUndo(%q) = %+v, %v, want %+v", stored, got, err, want)
			}
		})
	}
}

// Every golden file belongs to a sample, so that none is left untested.
func TestGoldenFilesAreAllRead(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(filepath.Join("testdata", currentVersion, "*.golden"))
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".golden")
		_, isCheckpoint := goldenCheckpoints()[name]
		_, isLog := goldenUndoLogs()[name]
		if !isCheckpoint && !isLog {
			t.Errorf("%s has no sample", file)
		}
	}
}

// golden returns the content of the golden file and checks that encoded equals it. With -update it
// writes a missing file, but never changes an existing one.
func golden(t *testing.T, name string, encoded []byte) []byte {
	t.Helper()
	path := filepath.Join("testdata", currentVersion, name+".golden")
	stored, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) && *update {
		stored, err = encoded, os.WriteFile(path, encoded, 0o644)
	}
	if err != nil {
		t.Fatal(err)
	}
	if string(encoded) != string(stored) {
		t.Errorf("Append wrote %q, version %s is %q", encoded, currentVersion, stored)
	}
	return stored
}
