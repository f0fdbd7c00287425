// Package sentence runs a sentence encoder that others trained: a transformer in
// ONNX with a BERT vocabulary, such as the exports of sentence-transformers.
//
// A folder holds model.onnx and vocab.txt, and may hold encoder.json (Config). The
// text is cut into word pieces, the model gives a vector for each piece, and
// their mean over the attention mask, brought to length one, is the vector of the
// text. No code comes with the folder, and none runs.
package sentence
