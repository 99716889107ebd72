package pgstore

// clock is the server's time at the moment at which the expression is evaluated, as package instant
// has it: that of now() would be the beginning of the transaction, before the wait for a lock.
const clock = "(extract(epoch FROM clock_timestamp()) * 1000000)::bigint"
