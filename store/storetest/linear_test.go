package storetest

import (
	"testing"

	"github.com/anishathalye/porcupine"

	"github.com/cutover-go/cutover/store"
	"github.com/cutover-go/cutover/store/memstore"
	"github.com/cutover-go/cutover/task"
)

// TestLinearizable: the store in memory.
func TestLinearizable(t *testing.T) {
	t.Parallel()
	s := memstore.New()
	Linearizable(t, 100, func(int) store.Store { return s }, nil)
}

// TestModelRefusesTwoHolders: the model refuses a history in which two clients hold the same task.
func TestModelRefusesTwoHolders(t *testing.T) {
	t.Parallel()
	in := linInput{op: "claim", limit: 1}
	out := func(token task.Token) linOutput { return linOutput{claimed: []linClaimed{{0, token}}} }
	twice := []porcupine.Operation{
		{ClientId: 0, Input: in, Output: out(1), Call: 1, Return: 4},
		{ClientId: 1, Input: in, Output: out(2), Call: 2, Return: 3},
	}
	if porcupine.CheckOperations(linModel(), twice) {
		t.Error("one task is held by two clients, and the model accepts it")
	}
	if !porcupine.CheckOperations(linModel(), twice[:1]) {
		t.Error("the model refuses a claim")
	}
}
