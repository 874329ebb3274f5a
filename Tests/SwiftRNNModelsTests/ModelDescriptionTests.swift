// Texts that `print` shows of models and of what belongs to them.
import SwiftRNN
import Testing

@testable import SwiftRNNModels

@Suite struct ModelDescriptionTests {
  private static let classifier = ModelConfiguration.classifier(
    input: .tokens(vocabulary: 7, embeddingSize: 4), classes: 3,
    .init(.gru, hiddenSize: 5, layers: 2, bidirectional: true), dropout: 0.25, pooling: .mean)

  @Test func configurations() {
    #expect(
      "\(Self.classifier)"
        == "classifier(7 tokens -> 4, gru 5, 2 layers, bidirectional, pooling mean, dropout 0.25, 3 classes)")
    #expect(
      "\(ModelConfiguration.languageModel(vocabulary: 9, embeddingSize: 6, .init(hiddenSize: 6), tiesEmbedding: true))"
        == "language_model(9 tokens -> 6, lstm 6, tied embedding, 9 classes)")
    let cell = ModelCell("h' = tanh(W @ x + U @ h)")
    #expect(
      "\(ModelConfiguration.regressor(input: .features(1), outputs: 2, .init(cell, hiddenSize: 6)))"
        == "regressor(1 feature, equations 6, pooling last, 2 numbers)")
    #expect(
      "\(ModelConfiguration.vectorDecoder(vectorSize: 3, vocabulary: 9, embeddingSize: 6, .init(hiddenSize: 8)))"
        == "vector_decoder(vector of 3, decoder 9 tokens -> 6, lstm 8, 9 classes)")
    let layers = ModelConfiguration.Recurrent(.rnn, hiddenSize: 8)
    #expect(
      "\(ModelConfiguration.encoderDecoder(input: .features(2), encoder: layers, vocabulary: 9, embeddingSize: 6, decoder: layers))"
        == "encoder_decoder(2 features, rnn 8, decoder 9 tokens -> 6, rnn 8, attention general, 9 classes)")
  }

  @Test func modelsTrainingsAndResults() throws {
    let model = try Model<Float>(
      .tagger(input: .tokens(vocabulary: 5, embeddingSize: 2), labels: 2, .init(.rnn, hiddenSize: 3)))
    // 5 * 2, 3 * (2 + 3) + 2 * 3, 2 * 3 + 2.
    let name = "Model(tagger(5 tokens -> 2, rnn 3, 2 classes), 39 parameters, Float)"
    #expect("\(model)" == name)
    var settings = TrainerSettings(.adamw, rate: 0.003, clipNorm: 1)
    (settings.schedule, settings.warmUp, settings.steps, settings.weightDecay) = (.cosine, 5, 100, 0.01)
    #expect("\(settings)" == "TrainerSettings(adamw, rate 0.003, cosine, warm-up 5, weight decay 0.01, clip norm 1)")
    #expect("\(TrainerSettings(.sgd, rate: 0.1))" == "TrainerSettings(sgd, rate 0.1)")
    #expect(
      "\(try Trainer(model, TrainerSettings(.sgd, rate: 0.1)))"
        == "Trainer(\(name), TrainerSettings(sgd, rate 0.1), step 0)")
    let loss = ModelLoss(mean: 0.69314718, count: 32)
    #expect("\(loss)" == "loss 0.6931 over 32")
    #expect("\(TrainerStep(loss: loss, gradientNorm: 12.04, rate: 1e-5))" == "\(loss), gradient norm 12.04, rate 1e-05")
    let report = FitReport(epoch: 3, step: 120, trainLoss: 0.123456, validationLoss: 12345.6, rate: 0.003)
    #expect("\(report)" == "epoch 3, step 120, loss 0.1235, validation 12346, rate 0.003")
    #expect("\([report])" == "[\(report)]")
    let alone = FitReport(epoch: 1, step: 4, trainLoss: .nan, validationLoss: nil, rate: 0)
    #expect("\(alone)" == "epoch 1, step 4, loss nan, rate 0.0")
    #expect(
      "\(GeneratedSequence(tokens: [3, 1], logProbability: -2.5, score: -2.5))"
        == "GeneratedSequence([3, 1], log P -2.5)")
    #expect(
      "\(try Vocabulary(.words, texts: ["a b"], specials: [.unknown, .end]))"
        == "Vocabulary(words, 4 tokens, <unk> <eos>)")
    #expect(
      "\(try TextStream(ids: Array(0..<60), sequences: 4, steps: 10))" == "TextStream(60 tokens, 4 sequences, 10 steps)"
    )
    #expect(
      "\(try ModelExamples([ModelExample<Float>(.tokens([1]), .tokens([0]))], model.configuration))"
        == "ModelExamples(1 example)")
    let layers = try Layers<Double>(["a": .linear(inputs: 2, outputs: 3), "b": .dropout(0.5)])
    #expect("\(layers)" == "Layers(a, b, 9 parameters, Double)")
  }
}
