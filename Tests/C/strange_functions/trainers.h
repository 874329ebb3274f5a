/* Trainers and states of models: settings right and wrong, steps, checkpoints whole and damaged; and all that is done with
 * one model. Valid in C11 and in C++17. */
#ifndef SWIFTRNN_TEST_STRANGE_TRAINERS_H
#define SWIFTRNN_TEST_STRANGE_TRAINERS_H

#include "model_passes.h"

static int64_t settings_text(char *text, size_t room, int is_strange) {
  static const char *const pieces[] = {
      "\"optimizer\": \"adam\"", "\"optimizer\": \"sgd\", \"momentum\": 0.9, \"nesterov\": true",
      "\"optimizer\": \"rmsprop\", \"centered\": true", "\"optimizer\": \"adamw\", \"weight_decay\": 0.1"};
  static const char *const more[] = {
      ", \"clip_norm\": 1", ", \"clip_value\": 0.5", ", \"schedule\": \"cosine\", \"steps\": 10, \"warm_up\": 3",
      ", \"schedule\": \"step\", \"every\": 2, \"factor\": 0.5", ", \"plateau_patience\": 1", ", \"seed\": -1",
      ", \"label_smoothing\": 0.1", ", \"sampling\": \"exponential\", \"sampling_k\": 0.5", ", \"tape_limit\": 0",
      ", \"loss\": \"huber\", \"delta\": 0.5", ", \"sampled_classes\": 1"};
  static const char *const odd[] = {
      ", \"rate\": 1e308", ", \"rate\": -1", ", \"rate\": 1e999", ", \"steps\": 9223372036854775807",
      ", \"warm_up\": 9223372036854775807, \"schedule\": \"linear\"", ", \"warm_up\": -9223372036854775808",
      ", \"schedule\": \"exponential\", \"factor\": 1e300", ", \"class_weights\": [1, 2]", ", \"class_weights\": []",
      ", \"sampled_classes\": 9223372036854775807", ", \"tape_limit\": 9223372036854775807", ", \"memory_limit\": 1",
      ", \"betas\": [0.9]", ", \"betas\": [1e-300, 0.5]", ", \"epsilon\": 0", ", \"nothing\": 1", ", \"clip_norm\": 1e-300",
      ", \"every\": 9223372036854775807, \"schedule\": \"step\"", ", \"plateau_patience\": 9223372036854775807"};
  int64_t at = snprintf(text, room, "{%s", ONE_OF(pieces));
  if (any(2)) at += snprintf(text + at, room - (size_t)at, "%s", ONE_OF(more));
  for (int64_t i = is_strange ? 1 + any(2) : 0; i > 0; i--) at += snprintf(text + at, room - (size_t)at, "%s", ONE_OF(odd));
  return at + snprintf(text + at, room - (size_t)at, "}");
}

static void destroy_made_trainer(void) {
  if (*b.out_trainer != NULL) all->calls[F_trainer_destroy][0]++;
  swiftrnn_trainer_destroy(*b.out_trainer);
  *b.out_trainer = NULL;
}

static void destroy_loaded_trainer(void) {
  destroy_made_trainer(), destroy_made_model();
  if (b.out_state != NULL) swiftrnn_model_state_destroy(*b.out_state), *b.out_state = NULL;
}

static void exchange_checkpoints(void) {
  static char bytes[1 << 18], other[1 << 18], text[64];
  call c;
  b.text_size = strange_text(text, sizeof text), b.progress = bytes_new("progress", text, b.text_size);
  m.path = string_new("path", strange_path("checkpoint"));
  call_begin(&c, F_trainer_save, run_trainer_save);
  has_object(&c, "trainer", &b.trainer), has_array(&c, "progress", &b.progress, 1, b.text_size > 0);
  has_number(&c, "progress_size", &b.text_size, 0, INT64_MAX, BIT(INVALID_SIZE)), has_object(&c, "path", &m.path);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(2), &fill_state);
  m.out_model = (swiftrnn_model **)array_new("out_model", HANDLE, 8), *m.out_model = NULL;
  b.out_trainer = (swiftrnn_trainer **)array_new("out_trainer", HANDLE, 8), *b.out_trainer = NULL;
  b.out_state = any(2) ? (swiftrnn_model_state **)array_new("out_state", HANDLE, 8) : NULL;
  if (b.out_state != NULL) *b.out_state = NULL;
  call_begin(&c, F_trainer_load, run_trainer_load);
  has_object(&c, "path", &m.path), has_array(&c, "out_model", &m.out_model, 8, 1);
  has_array(&c, "out_trainer", &b.out_trainer, 8, 1), has_array(&c, "out_state", &b.out_state, 8, 0);
  keep_blocks(), name_call(&c, "");
  if (perform(&c, any_status) == 0) {
    swiftrnn_trainer *const own = b.trainer;
    b.trainer = *b.out_trainer;
    call ask;
    b.text_size = any(100), b.text = (char *)array_new("text", FORWARD_RESULT, b.text_size);
    m.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
    call_begin(&ask, F_trainer_progress, run_trainer_progress);
    has_object(&ask, "trainer", &b.trainer), has_array(&ask, "text", &b.text, 1, b.text_size > 0);
    has_number(&ask, "text_size", &b.text_size, 0, INT64_MAX, BIT(INVALID_SIZE));
    has_array(&ask, "out_size", &m.out_size, 8, 0);
    keep_blocks(), valid_call(&ask, "");
    changed_calls(&ask, any(2), &fill_state);
    b.trainer = own;
  } else {
    REPORT("a checkpoint cannot be loaded: %s", swiftrnn_last_error());
  }
  destroy_loaded_trainer();
  const int file = open(strange_path("checkpoint"), O_RDONLY);
  const int64_t size = file < 0 ? 0 : read(file, bytes, sizeof bytes);
  if (file >= 0) close(file);
  if (size <= 0 || size == (int64_t)sizeof bytes) return;
  for (int64_t i = 0; i < 4; i++) {
    memcpy(other, bytes, (size_t)size);
    const int64_t at = any(size < 4000 ? size : 4000);
    other[at] = any(2) ? (char)(other[at] ^ (1 << any(8))) : (char)any(256);
    write_strange(strange_path("checkpoint"), other, any(8) ? size : any(size));
    keep_blocks(), name_call(&c, " of a damaged file");
    (void)perform(&c, any_status);
    destroy_loaded_trainer();
  }
}

static void train_model(int is_strange) {
  static char text[4096];
  static const double reals[] = {1, 0, 0.5, -1, NAN, INFINITY, 1e308, 1e-308};
  call c;
  b.text_size = settings_text(text, sizeof text, is_strange);
  if (is_strange && any(4) == 0) b.text_size = damage(text, b.text_size);
  b.settings = bytes_new("settings", text, b.text_size);
  now->size = b.text_size, memcpy(now->text, text, (size_t)b.text_size);
  b.out_trainer = (swiftrnn_trainer **)array_new("out_trainer", HANDLE, 8), *b.out_trainer = NULL;
  call_begin(&c, F_trainer_create, run_trainer_create);
  has_object(&c, "model", &m.model), has_array(&c, "settings", &b.settings, 1, b.text_size > 0);
  has_number(&c, "settings_size", &b.text_size, 0, INT64_MAX, BIT(INVALID_SIZE));
  has_array(&c, "out_trainer", &b.out_trainer, 8, 1);
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, any_status);
  b.trainer = *b.out_trainer, *b.out_trainer = NULL;
  for (int64_t i = b.trainer == NULL ? 0 : any(3); i > 0; i--) changed_calls(&c, 1, &fill_state), destroy_made_trainer();
  for (int64_t i = b.trainer == NULL ? 0 : 1 + any(4); i > 0; i--) {
    swiftrnn_trainer_result g;
    int64_t tail = 0;
    memset(&g, 0, sizeof g);
    swiftrnn_trainer_result *const result = (swiftrnn_trainer_result *)array_new("out_result", FORWARD_RESULT, sizeof g);
    b.result = any(4) ? result : NULL, m.out_size = (int64_t *)array_new("out_size", FORWARD_RESULT, 8);
    b.mean = (double *)array_new("out_rate", FORWARD_RESULT, 8), b.real = reals[any(8)];
    b.out_improved = (int32_t *)array_new("out_improved", FORWARD_RESULT, 4);
    const int64_t which = any(7);
    make_batch(is_strange && any(2));
    if (which < 2) {
      call_begin(&c, F_trainer_step, run_trainer_step), has_batch(&c);
    } else if (which == 2) {
      call_begin(&c, F_trainer_update, run_trainer_update);
    } else if (which == 3) {
      call_begin(&c, F_trainer_report, run_trainer_report), has_array(&c, "out_improved", &b.out_improved, 4, 0);
    } else if (which == 4) {
      call_begin(&c, F_trainer_rate, run_trainer_rate);
      has_array(&c, "out_rate", &b.mean, 8, 0), has_array(&c, "out_steps", &m.out_size, 8, 0);
    } else if (which == 5) {
      call_begin(&c, F_trainer_set_rate_factor, run_trainer_set_rate_factor);
    } else {
      b.text_size = any(900), b.text = (char *)array_new("text", FORWARD_RESULT, b.text_size);
      call_begin(&c, F_trainer_settings, run_trainer_settings), has_array(&c, "text", &b.text, 1, b.text_size > 0);
      has_number(&c, "text_size", &b.text_size, 0, INT64_MAX, BIT(INVALID_SIZE));
      has_array(&c, "out_size", &m.out_size, 8, 0);
    }
    has_object(&c, "trainer", &b.trainer);
    for (int k = 0; k < c.count; k++) c.arguments[k].refusals |= any_status;
    fill_outputs(&fill_state, 1);
    result->size = sizeof *result, (void)tail;
    keep_blocks(), name_call(&c, "");
    if (perform(&c, any_status) != 0) continue;
    for (int64_t k = any(3); k > 0; k--) changed_calls(&c, 1, &fill_state), result->size = sizeof *result;
  }
  if (b.trainer != NULL && any(2)) exchange_checkpoints();
  swiftrnn_trainer_destroy(b.trainer), b.trainer = NULL;
}

/* A state that goes along with the passes that follow; or none. */
static void make_state(void) {
  static const int64_t strange[] = {-1, INT64_MIN, INT64_MAX, (int64_t)1 << 31, ((int64_t)1 << 31) + 1};
  call c;
  b.look_back = any(3) ? 0 : any(10) ? any(4) : strange[any(5)];
  b.out_state = (swiftrnn_model_state **)array_new("out_state", HANDLE, 8), *b.out_state = NULL;
  call_begin(&c, F_model_state_create, run_model_state_create);
  has_object(&c, "model", &m.model), has_array(&c, "out_state", &b.out_state, 8, 1);
  keep_blocks(), name_call(&c, "");
  (void)perform(&c, any_status);
  b.state = *b.out_state, *b.out_state = NULL;
  for (int64_t i = b.state == NULL ? 0 : any(2); i > 0; i--) {
    changed_calls(&c, 1, &fill_state);
    if (*b.out_state != NULL) swiftrnn_model_state_destroy(*b.out_state), *b.out_state = NULL;
  }
  if (b.state == NULL) return;
  call_begin(&c, F_model_state_reset, run_model_state_reset);
  has_object(&c, "state", &b.state);
  keep_blocks(), valid_call(&c, "");
  changed_calls(&c, any(2), &fill_state);
}

static void models(void) {
  slots_reset();
  memset(&b, 0, sizeof b);
  m.model = make_model(any(3) == 0);
  for (int64_t i = m.model == NULL ? 0 : 5; i > 0; i--) {
    const int is_strange = any(3) == 0;
    slots_reset();
    if (b.state == NULL && any(4) == 0) make_state();
    else if (b.state != NULL && any(3) == 0) {
      swiftrnn_model_state_destroy(b.state), b.state = NULL, all->calls[F_model_state_destroy][0]++;
    }
    switch (any(9)) {
      case 0: describe_model(); break;
      case 1: exchange_vocabularies(); break;
      case 2: exchange_files(); break;
      case 3: look_inside(is_strange); break;
      case 4: write_sequences(is_strange); break;
      case 5: case 6: train_model(is_strange); break;
      default: pass_model(is_strange);
    }
    swiftrnn_set_num_threads(1);
  }
  swiftrnn_model_state_destroy(b.state), swiftrnn_forest_destroy(b.forest);
  swiftrnn_model_destroy(m.model), all->calls[F_model_destroy][0]++;
}

#endif
