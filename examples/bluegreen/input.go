package main

import (
	"bytes"
	_ "embed"
	"encoding/json"
	"fmt"
	"os"

	"github.com/cutover-go/cutover/plan"
	"github.com/cutover-go/cutover/plan/strategy"
	"github.com/cutover-go/cutover/task"
)

//go:embed tenants.json
var shipped []byte

// input is the file that an operator prepares.
type input struct {
	Name           string            `json:"name"`
	ExecutorType   string            `json:"executorType"`
	MaxConcurrency string            `json:"maxConcurrency"`
	Parameters     map[string]string `json:"parameters"`
	Tenants        []struct {
		ID         string            `json:"id"`
		Labels     map[string]string `json:"labels"`
		Parameters map[string]string `json:"parameters"`
	} `json:"tenants"`
}

// readSpec reads the spec from a file, by default from the one embedded in this program.
func readSpec(file string) (plan.Spec, error) {
	text := shipped
	if file != "" {
		var err error
		if text, err = os.ReadFile(file); err != nil {
			return plan.Spec{}, err
		}
	}
	var in input
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&in); err != nil {
		return plan.Spec{}, fmt.Errorf("reading the tenants: %w", err)
	}
	concurrency, err := strategy.ParseAmount(in.MaxConcurrency)
	if err != nil {
		return plan.Spec{}, fmt.Errorf("maxConcurrency: %w", err)
	}
	spec := plan.Spec{
		Name: in.Name, ExecutorType: in.ExecutorType, Parameters: in.Parameters,
		Strategy: strategy.Strategy{MaxConcurrency: concurrency},
	}
	for _, t := range in.Tenants {
		spec.Tenants = append(spec.Tenants, task.Tenant{ID: t.ID, Labels: t.Labels, Parameters: t.Parameters})
	}
	return spec, nil
}
