package memstore

import "github.com/cutover-go/cutover/store/rules"

// record is a task. Its Index is its place in rollout.held, or in the heap that it is in.
type record = rules.Task
