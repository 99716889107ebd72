package redisack

import (
	"testing"

	"go.uber.org/goleak"

	"github.com/cutover-go/cutover/internal/abreast"
	"github.com/cutover-go/cutover/internal/redistest"
)

func TestMain(m *testing.M) {
	abreast.Tests(4)
	goleak.VerifyTestMain(m, redistest.IgnoreDialers())
}
