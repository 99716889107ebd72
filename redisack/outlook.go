package redisack

// decide reports whether the quorum and the minimum number of members are met.
func (f *fleet) decide() decision {
	if f.tally.members == 0 && f.initial == 0 && f.policy.AllowEmpty {
		return met
	}
	least := short
	if f.tally.members >= f.minMembers() {
		least = met
	}
	return max(least, f.policy.Quorum.decide(f.tally.counts))
}

// minMembers returns the minimum number of members, below which nothing is confirmed.
func (f *fleet) minMembers() int {
	if f.policy.MinMembers != 0 {
		return max(f.policy.MinMembers, 1)
	}
	return max((f.initial+1)/2, 1)
}

// failure returns the reason for the end of a run in which too many members have failed. The order
// of precedence is: a rejection, a newer write, another version, no usable answer.
func (f *fleet) failure() Reason {
	for _, s := range []status{statusRejected, statusAhead, statusExhausted, statusBroken} {
		if f.tally.by[s] > 0 {
			return s.reason()
		}
	}
	return ReasonQuorumImpossible
}

// broken returns the error of the first member in the fleet that has failed for want of a usable
// answer.
func (f *fleet) broken() error {
	for _, m := range f.members {
		if m.status == statusBroken {
			return &endpointError{text: m.row.ID + ": " + m.row.Err, err: m.err}
		}
	}
	return nil
}

// report returns the rows of a result and the number of members by version.
func (f *fleet) report(ok bool) (rows []EndpointReport, byVersion map[string]int) {
	rows, byVersion = make([]EndpointReport, len(f.members)), make(map[string]int)
	for i, m := range f.members {
		m.row.Reason = m.status.reason()
		if ok && !m.status.final() {
			m.row.Reason = ReasonPending // no longer needed
		}
		if m.status != statusGone && m.row.Version != "" {
			byVersion[m.row.Version]++
		}
		rows[i] = m.row
	}
	return rows, byVersion
}
