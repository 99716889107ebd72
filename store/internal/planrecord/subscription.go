package planrecord

import "time"

// SubscriptionStatus is the stored form of a store.SubscriptionStatus, apart from Ready.
type SubscriptionStatus struct {
	FailingSince time.Time `json:"failingSince,omitzero"`
	ErrorAt      time.Time `json:"errorAt,omitzero"`
	Error        string    `json:"error,omitempty"`
	DeliveredAt  time.Time `json:"deliveredAt,omitzero"`
}

// DeadLetter is the stored form of a store.DeadLetter, apart from its id.
type DeadLetter struct {
	Plan   int64     `json:"plan"`
	First  int64     `json:"first"`
	Last   int64     `json:"last"`
	At     time.Time `json:"at"`
	Reason string    `json:"reason,omitempty"`
}
