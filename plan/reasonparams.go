package plan

import "slices"

// reasonParams are the names of the parameters of each code, in the order in which they are
// documented.
//
//nolint:gochecknoglobals // a constant table
var reasonParams = [NumReasons][]string{
	ReasonMayStart:           {"slots", "maxSlots"},
	ReasonRunning:            {"worker", "attempt", "changedAt", "step"},
	ReasonStopping:           {"stop", "alone", "wave", "worker", "attempt", "changedAt", "step", "actor", "reason", "at"},
	ReasonDone:               {"taskState", "errorCode", "failure"},
	ReasonStarting:           {"actor"},
	ReasonPlanPaused:         {"pauseReasons", "actor", "reason", "at"},
	ReasonPlanFailed:         {"failed", "tolerated", "wave", "errorCode", "step", "actor", "reason", "at"},
	ReasonPlanRollbackFailed: {"actor", "reason", "at"},
	ReasonBreach:             {"failed", "tolerated", "wave", "errorCode", "step"},
	ReasonSweep:              {"sweep", "actor", "reason"},
	ReasonWave:               {"wave", "open", "left"},
	ReasonBake:               {"wave", "until"},
	ReasonApproval:           {"wave"},
	ReasonWindow:             {"until"},
	ReasonStrict:             {"failed", "inFlight", "tolerated", "wave"},
	ReasonSlot:               {"slots", "maxSlots"},
	ReasonUndoNotOpen:        {"inFlight"},
	ReasonHold:               {"until"},
	ReasonBackoff:            {"until", "attempt", "errorCode", "step", "failure"},
	ReasonProving:            {"until"},
	ReasonQuota:              {"label", "value", "max", "holders"},
	ReasonTaskPaused:         {"actor", "reason", "at"},
	ReasonFailed:             {"errorCode", "step", "failure"},
	ReasonUndoFailed:         {"wave", "errorCode", "step", "failure"},
	ReasonTenantHeld:         {"planId", "planState", "taskId", "errorCode"},
	ReasonWorkerLost:         {"worker", "attempt", "changedAt", "step"},
	ReasonExecutorNotHere:    {"executorType"},
	ReasonNoExecutor:         {"executorType"},
}

// Params returns the names of the parameters that a reason with this code may have.
func (c ReasonCode) Params() []string {
	if int(c) >= NumReasons {
		return nil
	}
	return slices.Clone(reasonParams[c])
}

// Params returns what the reason says, by names that stay the same: numbers, texts, states, ids and
// times. What is not known is left out.
func (r Reason) Params() map[string]any {
	params := make(map[string]any)
	for _, name := range r.Code.Params() {
		if v := r.param(name); v != nil {
			params[name] = v
		}
	}
	return params
}

// param returns a parameter, nil if it is not known.
func (r *Reason) param(name string) any {
	switch name {
	case "slots":
		return r.Slots
	case "maxSlots":
		return r.MaxSlots
	case "failed":
		return r.Failed
	case "tolerated":
		return r.Tolerated
	case "inFlight":
		return r.InFlight
	case "open":
		return r.Open
	case "left":
		return r.Left
	case "attempt":
		return r.Attempt
	case "alone":
		return r.Alone
	case "stop":
		return r.Stop
	case "taskState":
		return r.TaskState
	case "pauseReasons":
		return r.PauseReasons.Strings()
	case "sweep":
		return r.Sweep
	}
	return r.mayLack(name)
}

// mayLack returns a parameter that a reason may lack, nil if it does.
func (r *Reason) mayLack(name string) any {
	switch name {
	case "worker":
		return known(r.Worker)
	case "step":
		if r.Failure != nil {
			return known(r.Failure.Step)
		}
		return known(r.Step)
	case "changedAt":
		return known(r.ChangedAt)
	case "until":
		return known(r.Until)
	case "wave":
		return known(r.Wave)
	case "actor":
		return known(r.Actor)
	case "reason":
		return known(r.Because)
	case "at":
		return known(r.At)
	case "planId":
		return known(r.Holder.Plan())
	case "planState":
		if r.Holder == 0 {
			return nil
		}
		return r.HolderState
	case "taskId":
		return known(r.Holder)
	case "executorType":
		return known(r.ExecutorType)
	}
	if value, is := r.ofQuota(name); is {
		return value
	}
	if r.Failure == nil {
		return nil
	}
	switch name {
	case "errorCode":
		return known(r.Failure.ErrorCode)
	case "failure":
		return known(r.Failure.Reason)
	}
	return nil
}

// ofQuota returns a parameter of a quota, nil if the reason does not tell which quota it is about.
func (r *Reason) ofQuota(name string) (value any, is bool) {
	switch name {
	case "label":
		value = r.Quota
	case "value":
		value = r.QuotaValue
	case "max":
		value = r.QuotaMax
	case "holders":
		value = r.QuotaHolders
	default:
		return nil, false
	}
	if r.Quota == "" {
		return nil, true
	}
	return value, true
}

// known returns v, nil if it is zero.
func known[T comparable](v T) any {
	var zero T
	if v == zero {
		return nil
	}
	return v
}
