package store

import (
	"context"
	"fmt"
	"time"

	"github.com/cutover-go/cutover/plan"
)

const (
	// MaxDeadLetters is how many dead letters a subscription keeps; beyond it those that were added
	// first are dropped.
	MaxDeadLetters = 1000
	// MaxHide is the longest time for which a plan that is unread is not due.
	MaxHide = 10 * time.Minute
	// MaxText is the maximum size of the Error of a SubscriptionStatus and of the Reason of a
	// DeadLetter, in bytes.
	MaxText = 1024
)

// Subscriptions keep, for named readers of the events of all plans, which plans they have to look
// at: those that are unread. How far a reader has come in a plan is a cursor, see [Cursors].
//
// A plan becomes unread when it is put on the agenda, and stays it until its reader marks it as
// read. A reader does that when it has read the log to its end and the plan is at rest: nothing is
// written to the log then before the plan is put on the agenda again. So no event is overlooked,
// whoever dies when. Only if a process dies while it writes a command, and for more than a few
// seconds, the plan may stay as it was; a reader therefore compares all plans with its cursors now
// and then.
//
// Names have 1 to 64 letters, digits, dots, hyphens and underscores. All methods but Subscribe,
// Unsubscribe, ListSubscriptions and Positions return ErrNotFound if there is no subscription of
// that name.
type Subscriptions interface {
	// Subscribe returns the subscription of this name, and makes it if there is none. Its Newest is
	// then the newest plan's id, or 0 if fromStart.
	Subscribe(ctx context.Context, name string, fromStart bool) (Subscription, error)
	// Unsubscribe ends a subscription and forgets what belongs to it, except for the cursors, which
	// go with their plans. No error if there is none.
	Unsubscribe(ctx context.Context, name string) error
	// ListSubscriptions returns all subscriptions by name.
	ListSubscriptions(ctx context.Context) ([]Subscription, error)
	// ReportSubscription replaces the status, except that Ready stays once it is set.
	ReportSubscription(ctx context.Context, name string, status SubscriptionStatus) error

	// Unread returns up to limit unread plans that are due, those that have waited longest first,
	// and makes each of them due again when hide has passed, so that other callers get others. hide
	// is at most MaxHide. If it is 0, Unread changes nothing, and also returns those that are not
	// due.
	Unread(ctx context.Context, name string, limit int, hide time.Duration) ([]DuePlan, error)
	// MarkUnread makes plans (at most MaxBatch) unread and due.
	MarkUnread(ctx context.Context, name string, plans []plan.ID) error
	// MarkRead ends that the plan is unread or, if after is not negative, makes it due again when
	// after, at most MaxHide, has passed. If the plan was put on the agenda again since Unread
	// returned stamp, or if a command may be under way, the plan stays unread, is not put off, and
	// is due again within a second.
	MarkRead(ctx context.Context, name string, id plan.ID, stamp uint64, after time.Duration) error
	// Positions returns the positions of a cursor in plans (at most MaxBatch), in the same order: 0
	// where it has none.
	Positions(ctx context.Context, cursor string, plans []plan.ID) ([]int64, error)

	// AddDeadLetter keeps a dead letter, or replaces the one with the same ID.
	AddDeadLetter(ctx context.Context, name string, d DeadLetter) error
	// DeadLetters returns all dead letters, those that were added first first.
	DeadLetters(ctx context.Context, name string) ([]DeadLetter, error)
	// DropDeadLetter removes a dead letter. No error if there is none of that id.
	DropDeadLetter(ctx context.Context, name, id string) error
}

// Subscription is a named reader of the events of all plans.
type Subscription struct {
	Name string
	// Cursor is the name of its cursors. No other subscription ever has the same one, even if it
	// has the same name.
	Cursor string
	// Newest is the newest plan that there was when the subscription was made: the reader begins at
	// the present end of the logs of the plans up to it, before it sets Ready.
	Newest plan.ID
	Status SubscriptionStatus
	// Unread is the number of unread plans, due or not; DeadLetters and Dropped are the numbers of
	// dead letters that are kept, and that had to make room.
	Unread, DeadLetters, Dropped int
}

// SubscriptionStatus is what the processes that read for a subscription tell each other and
// operators. The times are theirs.
type SubscriptionStatus struct {
	// Ready is set when the cursors of the plans up to Newest are where the reader begins.
	Ready bool
	// FailingSince is when the first delivery failed after the last that succeeded; zero if none
	// did. ErrorAt and Error are the last failure.
	FailingSince, ErrorAt time.Time
	Error                 string
	// DeliveredAt is when the last delivery succeeded.
	DeliveredAt time.Time
}

// DeadLetter names events that could not be delivered.
type DeadLetter struct {
	// ID identifies it: at most MaxID bytes.
	ID   string
	Plan plan.ID
	// First and Last are the sequence numbers of the events.
	First, Last int64
	// At is when it was given up, Reason why.
	At     time.Time
	Reason string
}

// CheckSubscription checks a name. It returns nil, or an error that matches [ErrInvalid].
func CheckSubscription(name string) error {
	if err := checkID("name", name); err != nil {
		return err
	}
	for i := range len(name) {
		switch c := name[i]; {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9', c == '.', c == '-', c == '_':
		default:
			return fmt.Errorf("%w: name %q has other characters than letters, digits, dots, hyphens and underscores", ErrInvalid, name)
		}
	}
	return nil
}

// CheckUnread checks the arguments of Unread. It returns nil, or an error that matches
// [ErrInvalid].
func CheckUnread(name string, limit int, hide time.Duration) error {
	if err := CheckSubscription(name); err != nil {
		return err
	}
	if hide < 0 || hide > MaxHide {
		return fmt.Errorf("%w: plans are hidden for %s, the limit is %s", ErrInvalid, hide, MaxHide)
	}
	return CheckDue(limit)
}

// CheckMarkRead checks the arguments of MarkRead. It returns nil, or an error that matches
// [ErrInvalid].
func CheckMarkRead(name string, after time.Duration) error {
	if after > MaxHide {
		return fmt.Errorf("%w: a plan is put off for %s, the limit is %s", ErrInvalid, after, MaxHide)
	}
	return CheckSubscription(name)
}

// Check returns nil, or an error that matches [ErrInvalid].
func (s *SubscriptionStatus) Check() error {
	return CheckCount("bytes of Error", len(s.Error), MaxText)
}

// Check returns nil, or an error that matches [ErrInvalid].
func (d *DeadLetter) Check() error {
	if err := checkID("id", d.ID); err != nil {
		return err
	}
	return CheckCount("bytes of Reason", len(d.Reason), MaxText)
}
