// Package bluegreen is a ready-made executor, BLUE_GREEN_SWITCH: it moves a tenant from one
// environment to another by switching a gateway, and updates the tenant's status in the tenant
// service.
//
//	GET_TENANT_INFO   ask the tenant service for the tenant, the gateway for its colour
//	SWITCH_GATEWAY    switch the gateway and check the result; checkpoint SWITCHED
//	UPDATE_STATUS     set the tenant's status and check the result
//
// The gateway is a [Gateway], the tenant service a [TenantService]. Both are small interfaces;
// [HTTPGateway] and [HTTPTenants] are ready-made implementations.
//
// # Changes made by others
//
// The colour found at the start is recorded in the undo log before the switch. A retry, a resume
// and a rollback act only if the tenant is where this task found it or where this task put it.
// Otherwise somebody else has moved the tenant, and they fail with TENANT_MOVED_ON. A rollback
// returns the tenant to the colour and status found at the start, however many attempts there were,
// and checks that both are set again.
//
// Every change carries the task's fencing token and an idempotency key, because a crash between a
// change and its checkpoint repeats the change. Each run of a step makes its change even if the
// change is in place already: a service that answered 504 may carry out an earlier change later,
// and refuses it only if it has seen a newer token.
//
// With a plan's MinSuccessTime, [Executor.Verify] checks at the end of that time that colour and
// status are still those that the task has set, in the step VERIFY.
//
// # Failures
//
//	GATEWAY_TIMEOUT, TENANT_SERVICE_TIMEOUT           no answer in time            retryable
//	GATEWAY_UNAVAILABLE, TENANT_SERVICE_UNAVAILABLE   no connection, 429, 5xx      retryable
//	GATEWAY_REFUSED, TENANT_SERVICE_REFUSED           another 4xx
//	GATEWAY_BAD_ANSWER, TENANT_SERVICE_BAD_ANSWER     a redirect, HTML, another tenant, wrong JSON
//	TENANT_NOT_FOUND                                  404
//	TENANT_MOVED_ON                                   somebody else moved the tenant; 412
//	SWITCH_NOT_CONFIRMED, STATUS_NOT_CONFIRMED        accepted but not done        retryable
//	TARGET_UNKNOWN                                    the target is none of the colours
//	COLOUR_UNKNOWN                                    the gateway routes the tenant nowhere
//
// The package imports executor and task. It knows no engine and no store.
package bluegreen
