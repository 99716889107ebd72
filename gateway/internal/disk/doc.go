// Package disk makes what was written to a file durable.
package disk
