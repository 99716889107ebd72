package otelcutover

import "go.opentelemetry.io/otel/attribute"

// The attributes of spans, events and metrics. docs/observability.md says what each means; a test
// compares the two.
const (
	keyPlan       = attribute.Key("cutover.plan.id")
	keyPlanName   = attribute.Key("cutover.plan.name")
	keyPlanState  = attribute.Key("cutover.plan.state")
	keyPlanTasks  = attribute.Key("cutover.plan.tasks")
	keyPlanFailed = attribute.Key("cutover.plan.failed")
	keyTo         = attribute.Key("cutover.plan.to")
	keyCause      = attribute.Key("cutover.cause")

	keyTask      = attribute.Key("cutover.task.id")
	keyTenant    = attribute.Key("cutover.tenant.id")
	keyType      = attribute.Key("cutover.executor.type")
	keyOperation = attribute.Key("cutover.operation")
	keyAttempt   = attribute.Key("cutover.attempt")
	keyLosses    = attribute.Key("cutover.task.losses")
	keyContinues = attribute.Key("cutover.continues")
	keyOutcome   = attribute.Key("cutover.outcome")
	keyWait      = attribute.Key("cutover.wait")
	keyRetryable = attribute.Key("cutover.retryable")
	keyStep      = attribute.Key("cutover.step")
	keyBytes     = attribute.Key("cutover.bytes")
	keyWorker    = attribute.Key("cutover.worker")

	keyCommand   = attribute.Key("cutover.command")
	keyActor     = attribute.Key("cutover.actor")
	keyReason    = attribute.Key("cutover.reason")
	keyUnchanged = attribute.Key("cutover.unchanged")
	keyRepeated  = attribute.Key("cutover.repeated")
	keyStoreOp   = attribute.Key("cutover.store.operation")

	keyConfig    = attribute.Key("cutover.redisack.key")
	keyVersion   = attribute.Key("cutover.redisack.version")
	keyRevision  = attribute.Key("cutover.redisack.revision")
	keyWritten   = attribute.Key("cutover.redisack.written")
	keyMembers   = attribute.Key("cutover.redisack.members")
	keyConfirmed = attribute.Key("cutover.redisack.confirmed")
	keyTries     = attribute.Key("cutover.redisack.attempts")
	keyRollback  = attribute.Key("cutover.redisack.rollback")
	keyEndpoint  = attribute.Key("cutover.redisack.endpoint")
	keyRuns      = attribute.Key("cutover.redisack.runs")
	keyOmitted   = attribute.Key("cutover.redisack.omitted")

	keyNode   = attribute.Key("cutover.renewal.node")
	keyLate   = attribute.Key("cutover.renewal.late")
	keyQueued = attribute.Key("cutover.renewal.queued")

	keyError = attribute.Key("error.type") // of the semantic conventions
)

// other is what the semantic conventions call a value that is not one of a bounded set.
const other = "_OTHER"
