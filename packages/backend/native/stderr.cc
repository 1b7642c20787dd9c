// A tiny addon that `repvgg devices link-tensorflow` builds beside tfjs-node's. TensorFlow's libraries write to stderr while they are
// loaded, before TF_CPP_MIN_LOG_LEVEL counts, which would run into a progress display; JavaScript cannot hold that back.
#include <fcntl.h>
#include <node_api.h>
#include <unistd.h>

namespace {
int saved = -1;

// mute(): from here on, what is written to the file descriptor 2 is lost.
napi_value Mute(napi_env, napi_callback_info) {
  const int nowhere = open("/dev/null", O_WRONLY);
  if (saved >= 0 || nowhere < 0) return nullptr;
  saved = dup(2);
  dup2(nowhere, 2);
  close(nowhere);
  return nullptr;
}

// restore(): stderr is as it was.
napi_value Restore(napi_env, napi_callback_info) {
  if (saved < 0) return nullptr;
  dup2(saved, 2);
  close(saved);
  saved = -1;
  return nullptr;
}
}  // namespace

NAPI_MODULE_INIT() {
  napi_value mute, restore;
  napi_create_function(env, "mute", NAPI_AUTO_LENGTH, Mute, nullptr, &mute);
  napi_create_function(env, "restore", NAPI_AUTO_LENGTH, Restore, nullptr, &restore);
  napi_set_named_property(env, exports, "mute", mute);
  napi_set_named_property(env, exports, "restore", restore);
  return exports;
}
