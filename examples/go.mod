module github.com/cutover-go/cutover/examples

go 1.26.0

require github.com/cutover-go/cutover v0.0.0

require (
	github.com/cenkalti/backoff/v4 v4.3.0 // indirect
	go.uber.org/multierr v1.10.0 // indirect
	go.uber.org/zap v1.28.0 // indirect
)

replace github.com/cutover-go/cutover => ../
