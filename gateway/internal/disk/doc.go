// Package disk makes what was written to a file durable, and locks files.
package disk
