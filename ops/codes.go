package ops

import "net/http"

// code is a kind of problem: the word for it, the HTTP status, and a title for people.
type code struct {
	name   string
	status int
	title  string
}

// The problems of requests, which the handler finds by itself.
//
//nolint:gochecknoglobals // constant tables
var (
	codeUnauthenticated = code{"UNAUTHENTICATED", http.StatusUnauthorized, "Sign in first"}
	codeForbidden       = code{"FORBIDDEN", http.StatusForbidden, "Not allowed"}
	codeSelfApproval    = code{"SELF_APPROVAL", http.StatusForbidden, "Somebody else has to approve: you created or started the plan"}
	codeCrossOrigin     = code{"CROSS_ORIGIN", http.StatusForbidden, "A page of another site sent the request"}
	codeNotFound        = code{"NOT_FOUND", http.StatusNotFound, "There is no such thing"}
	codeMethod          = code{"METHOD_NOT_ALLOWED", http.StatusMethodNotAllowed, "The path has no such method"}
	codeMediaType       = code{"UNSUPPORTED_MEDIA_TYPE", http.StatusUnsupportedMediaType, "The body must be application/json; where tenants can be uploaded, also multipart/form-data"}
	codeTooLarge        = code{"BODY_TOO_LARGE", http.StatusRequestEntityTooLarge, "The body is too large"}
	codeSlow            = code{"BODY_TOO_SLOW", http.StatusRequestTimeout, "The body came too slowly"}
	codeUnreadable      = code{"BODY_UNREADABLE", http.StatusBadRequest, "The body did not arrive"}
	codeMalformed       = code{"MALFORMED_JSON", http.StatusBadRequest, "The body is not JSON"}
	codeInvalid         = code{"INVALID_REQUEST", http.StatusBadRequest, "The request has faults"}
	codeReason          = code{"REASON_REQUIRED", http.StatusBadRequest, "The command needs a reason"}
	codeVersionRequired = code{"VERSION_REQUIRED", http.StatusPreconditionRequired, "The command needs the plan's version in If-Match"}
	codeTooManyStreams  = code{"TOO_MANY_STREAMS", http.StatusTooManyRequests, "This process serves as many streams as it may"}
	codeBusy            = code{"TOO_MANY_READS", http.StatusTooManyRequests, "This process reads as many whole plans as it may"}
	codeUploads         = code{"TOO_MANY_UPLOADS", http.StatusTooManyRequests, "This process takes as many uploads as it may"}
	codeNoStream        = code{"NO_STREAM", http.StatusNotImplemented, "A middleware of the host keeps answers from being streamed"}
	codeInternal        = code{"INTERNAL", http.StatusInternalServerError, "Something went wrong inside; the log has it"}
)

// The problems that errors of the engine become: see classes.
//
//nolint:gochecknoglobals // constant tables
var (
	codeUnknownExecutor = code{"UNKNOWN_EXECUTOR", http.StatusBadRequest, "No executor has this type"}
	codeRefused         = code{"REFUSED_BY_STORE", http.StatusBadRequest, "The store cannot do this"}
	codeQueueFull       = code{"QUEUE_FULL", http.StatusConflict, "Too many commands on many tasks are under way in the plan"}
	codeNotApplicable   = code{"NOT_APPLICABLE", http.StatusConflict, "The command does not apply now"}
	codeCannotUndo      = code{"CANNOT_UNDO", http.StatusConflict, "The executor cannot undo its work"}
	codeTenantHeld      = code{"TENANT_HELD", http.StatusConflict, "Another plan works on the tenant"}
	codeStarting        = code{"BEING_STARTED", http.StatusConflict, "The plan is being started"}
	codeAdding          = code{"BEING_EXTENDED", http.StatusConflict, "Other tenants are being added to the plan"}
	codeCreating        = code{"BEING_CREATED", http.StatusConflict, "A plan with this key is being created"}
	codeConflict        = code{"CONFLICT", http.StatusConflict, "The plan keeps changing"}
	codeEventsAhead     = code{"EVENTS_AHEAD", http.StatusConflict, "There is no such event: the log is shorter"}
	codeEventsTrimmed   = code{"EVENTS_TRIMMED", http.StatusGone, "The events are not kept any more"}
	codeVersion         = code{"VERSION_MISMATCH", http.StatusPreconditionFailed, "The plan has changed meanwhile"}
	codeKeyReused       = code{"KEY_REUSED", http.StatusUnprocessableEntity, "The key was used for another plan"}
	codeCorrupt         = code{"CORRUPT", http.StatusInternalServerError, "Stored data is damaged; the log has it"}
	codeUnavailable     = code{"STORE_UNAVAILABLE", http.StatusServiceUnavailable, "The store is away"}
	codeTimeout         = code{"TIMEOUT", http.StatusServiceUnavailable, "It took too long"}
	codeNotReady        = code{"NOT_READY", http.StatusServiceUnavailable, "This process does no work now"}
)
