// Package bluegreen is a ready-made executor, BLUE_GREEN_SWITCH: it moves a tenant
// from one environment to another by switching a gateway, and tells the tenant
// service about it.
//
//	GET_TENANT_INFO   ask the tenant service for the tenant, the gateway for its colour
//	SWITCH_GATEWAY    switch the gateway and see that it has; checkpoint SWITCHED
//	UPDATE_STATUS     tell the tenant service and see that it has it
//
// The gateway is a [Gateway], the tenant service a [TenantService]: small
// interfaces, with [HTTPGateway] and [HTTPTenants] ready-made.
//
// # Never trampling others
//
// The colour found at the start is recorded in the undo log before the switch. A
// retry, a resume and a rollback act only if the tenant is where this task found
// it or where this task put it; otherwise somebody else has moved it since, and
// they fail with TENANT_MOVED_ON. A rollback goes back to the colour and status
// found at the start, however many attempts there were, and sees that both are
// there again.
//
// Every change carries the task's fencing token and an idempotency key, because a
// crash between a change and its checkpoint repeats it. Each run of a step makes its
// change even if it finds it made: a service that answered 504 may carry out an
// earlier one later, and refuses it only if it has seen a newer token.
//
// # Failures
//
//	GATEWAY_TIMEOUT, TENANT_SERVICE_TIMEOUT           no answer in time            retryable
//	GATEWAY_UNAVAILABLE, TENANT_SERVICE_UNAVAILABLE   no connection, 429, 5xx      retryable
//	GATEWAY_REFUSED, TENANT_SERVICE_REFUSED           another 4xx
//	GATEWAY_BAD_ANSWER, TENANT_SERVICE_BAD_ANSWER     a redirect, a page, another tenant, other JSON
//	TENANT_NOT_FOUND                                  404
//	TENANT_MOVED_ON                                   somebody else moved it; 412
//	SWITCH_NOT_CONFIRMED, STATUS_NOT_CONFIRMED        agreed to and not done       retryable
//	TARGET_UNKNOWN                                    a target that is no colour
//	COLOUR_UNKNOWN                                    a gateway that routes the tenant nowhere
//
// The package imports executor and task. It knows no engine and no store.
package bluegreen
