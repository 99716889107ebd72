// Package pgstore keeps plans in PostgreSQL, 14 and later.
package pgstore
