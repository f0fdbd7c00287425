package registry

import "strings"

// The ONNX that bundles may use. The list of operators says what is allowed, not what is
// forbidden: an operator that appears tomorrow stays out until somebody has
// read what it does. Left out on purpose: control flow (If, Loop, Scan: no
// bound on the work), sequences, maps, optionals and strings (not numbers),
// random operators (a result must repeat), training operators, and every
// operator of a vendor that may load files or code (com.microsoft.EPContext).
const (
	MinOpset = 11
	MaxOpset = 24
	minIR    = 3
	maxIR    = 13
)

const standardOperators = `
Abs Acos Acosh Add And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool
BatchNormalization BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor
Cast CastLike Ceil Celu Clip Compress Concat Constant ConstantOfShape Conv ConvInteger ConvTranspose Cos Cosh CumSum
DepthToSpace DequantizeLinear Det Div Dropout DynamicQuantizeLinear
Einsum Elu Equal Erf Exp Expand EyeLike
Flatten Floor GRU Gather GatherElements GatherND Gelu Gemm GlobalAveragePool GlobalLpPool GlobalMaxPool
Greater GreaterOrEqual GridSample GroupNormalization
HardSigmoid HardSwish Hardmax Identity InstanceNormalization IsInf IsNaN
LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual Log LogSoftmax LpNormalization LpPool
MatMul MatMulInteger Max MaxPool MaxUnpool Mean MeanVarianceNormalization Min Mish Mod Mul
Neg Not OneHot Or PRelu Pad Pow QLinearConv QLinearMatMul QuantizeLinear
RMSNormalization RNN Range Reciprocal ReduceL1 ReduceL2 ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean
ReduceMin ReduceProd ReduceSum ReduceSumSquare Relu Reshape Resize ReverseSequence RotaryEmbedding Round
ScatterElements ScatterND Selu Shape Shrink Sigmoid Sign Sin Sinh Size Slice Softmax Softplus Softsign
SpaceToDepth Split Sqrt Squeeze Sub Sum Swish Tan Tanh ThresholdedRelu Tile TopK Transpose Trilu
Unsqueeze Upsample Where Xor`

const microsoftOperators = `
BiasGelu FastGelu FusedConv FusedGemm FusedMatMul Gelu LayerNormalization QuickGelu SkipLayerNormalization`

// Domains of operators. The empty name and "ai.onnx" are the same.
const (
	standardDomain  = ""
	microsoftDomain = "com.microsoft"
)

var allowedOperators = map[string]map[string]bool{
	standardDomain:  wordSet(standardOperators),
	microsoftDomain: wordSet(microsoftOperators),
}

func wordSet(list string) map[string]bool {
	set := make(map[string]bool)
	for _, word := range strings.Fields(list) {
		set[word] = true
	}
	return set
}

// domainName maps the two spellings of the standard domain to one.
func domainName(domain string) string {
	if domain == "ai.onnx" {
		return standardDomain
	}
	return domain
}
