module github.com/cutover-go/cutover/examples

go 1.26.0

require github.com/cutover-go/cutover v0.0.0

replace github.com/cutover-go/cutover => ../
