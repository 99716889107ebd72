// Package openapi compares the description of the operators' API, ops/openapi.json, with every
// answer that the tests of package ops get. Its module is its own, because it needs a validator.
//
// The description leaves members open, because answers may get more of them. Here they are closed:
// a member that is sent and not described is a fault, as is a status, a code or a header that a
// path does not have.
package openapi
