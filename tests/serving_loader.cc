// What TF Serving does with exports, without TF Serving: loads them with the loader that it uses,
// tensorflow::LoadSavedModel, and runs their signatures; serving_loader.py compiles and runs it.
//
// Usage: serving_loader REQUESTS RESPONSES THREADS TOTAL REPETITIONS
//
// REQUESTS holds, for each request, a line "EXPORT SIGNATURE INPUTS" (a path without blanks, a name,
// a number), then for each input a line "NAME BYTES" and as many bytes, a serialized TensorProto.
// They are run one after the other, and RESPONSES gets, for each of them, a line "CODE OUTPUTS" and
// outputs in the form of inputs; or, if it failed, a line "CODE BYTES" and the message.
//
// Then each is run REPETITIONS times by one thread. Then THREADS threads run TOTAL requests, taken in
// turn from the file, and compare each answer with the first: same code and shapes, numbers within
// 1e-5, strings equal. The last line printed is "RESULT" and a JSON: how many were answered, how many
// answers were wrong, and for each request of the file the milliseconds that it took by one thread
// and by all.

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "tensorflow/cc/saved_model/loader.h"
#include "tensorflow/core/framework/tensor.h"
#include "tensorflow/core/framework/tensor.pb.h"
#include "tensorflow/core/public/session.h"
#include "tensorflow/core/public/session_options.h"

namespace {

using tensorflow::SavedModelBundle;
using tensorflow::Tensor;

struct Request {
  std::string path, signature;
  std::vector<std::pair<std::string, Tensor>> inputs;  // by their names in the signature
};

struct Response {
  int code = 0;  // of absl::Status: 0 is OK, 3 INVALID_ARGUMENT
  std::string message;
  std::vector<std::pair<std::string, Tensor>> outputs;
};

using Bundles = std::map<std::string, std::unique_ptr<SavedModelBundle>>;

[[noreturn]] void Fail(const std::string& message) {
  std::cerr << message << std::endl;
  std::exit(1);
}

std::vector<Request> ReadRequests(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) Fail("can't read " + path);
  std::vector<Request> requests;
  Request request;
  int number;
  while (file >> request.path >> request.signature >> number) {
    request.inputs.clear();
    for (int i = 0; i < number; ++i) {
      std::string name;
      size_t bytes;
      file >> name >> bytes;
      file.get();  // the end of the line
      std::string buffer(bytes, '\0');
      file.read(buffer.data(), bytes);
      tensorflow::TensorProto proto;
      Tensor tensor;
      if (!file || !proto.ParseFromString(buffer) || !tensor.FromProto(proto)) {
        Fail("damaged request " + std::to_string(requests.size()));
      }
      request.inputs.emplace_back(name, tensor);
    }
    requests.push_back(request);
  }
  return requests;
}

void WriteResponse(const Response& response, std::ofstream& file) {
  if (response.code) {
    file << response.code << ' ' << response.message.size() << '\n' << response.message;
    return;
  }
  file << "0 " << response.outputs.size() << '\n';
  for (const auto& [name, tensor] : response.outputs) {
    tensorflow::TensorProto proto;
    if (tensor.dtype() == tensorflow::DT_STRING) {
      tensor.AsProtoField(&proto);  // the other form of strings is for C++ alone
    } else {
      tensor.AsProtoTensorContent(&proto);
    }
    const std::string buffer = proto.SerializeAsString();
    file << name << ' ' << buffer.size() << '\n' << buffer;
  }
}

Response Answer(const Bundles& bundles, const Request& request) {
  const SavedModelBundle& bundle = *bundles.at(request.path);
  const auto& signatures = bundle.GetSignatures();
  const auto found = signatures.find(request.signature);
  if (found == signatures.end()) Fail("no signature " + request.signature);
  std::vector<std::pair<std::string, Tensor>> feeds;
  for (const auto& [name, tensor] : request.inputs) {
    feeds.emplace_back(found->second.inputs().at(name).name(), tensor);
  }
  std::vector<std::string> names, fetches;
  for (const auto& [name, info] : found->second.outputs()) {
    names.push_back(name);
    fetches.push_back(info.name());
  }
  std::vector<Tensor> outputs;
  const auto status = bundle.GetSession()->Run(feeds, fetches, {}, &outputs);
  Response response;
  response.code = static_cast<int>(status.code());
  response.message = std::string(status.message());
  if (status.ok()) {
    for (size_t i = 0; i < names.size(); ++i) response.outputs.emplace_back(names[i], outputs[i]);
  }
  return response;
}

bool Same(const Response& one, const Response& other) {
  if (one.code != other.code || one.outputs.size() != other.outputs.size()) return false;
  for (size_t i = 0; i < one.outputs.size(); ++i) {
    const Tensor &a = one.outputs[i].second, &b = other.outputs[i].second;
    if (a.dtype() != b.dtype() || a.shape() != b.shape()) return false;
    if (a.dtype() == tensorflow::DT_FLOAT) {
      const auto x = a.flat<float>(), y = b.flat<float>();
      for (int64_t j = 0; j < x.size(); ++j) {
        if (!(std::abs(x(j) - y(j)) <= 1e-5f)) return false;
      }
    } else if (a.dtype() == tensorflow::DT_STRING) {
      const auto x = a.flat<tensorflow::tstring>(), y = b.flat<tensorflow::tstring>();
      for (int64_t j = 0; j < x.size(); ++j) {
        if (x(j) != y(j)) return false;
      }
    }
  }
  return true;
}

double Milliseconds(std::chrono::steady_clock::time_point since) {
  const std::chrono::duration<double, std::milli> elapsed = std::chrono::steady_clock::now() - since;
  return elapsed.count();
}

void Print(const char* name, const std::vector<std::vector<double>>& times) {
  std::cout << ", \"" << name << "\": [";
  for (size_t i = 0; i < times.size(); ++i) {
    std::cout << (i ? ", [" : "[");
    for (size_t j = 0; j < times[i].size(); ++j) std::cout << (j ? ", " : "") << times[i][j];
    std::cout << ']';
  }
  std::cout << ']';
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 6) Fail("usage: serving_loader REQUESTS RESPONSES THREADS TOTAL REPETITIONS");
  const std::vector<Request> requests = ReadRequests(arguments[1]);
  const int threads = std::stoi(arguments[3]), total = std::stoi(arguments[4]);
  const int repetitions = std::stoi(arguments[5]);

  Bundles bundles;
  for (const Request& request : requests) {
    if (bundles.count(request.path)) continue;
    auto bundle = std::make_unique<SavedModelBundle>();
    const auto status = tensorflow::LoadSavedModel(tensorflow::SessionOptions(), tensorflow::RunOptions(),
                                                   request.path, {"serve"}, bundle.get());
    if (!status.ok()) Fail(request.path + ": " + std::string(status.message()));
    bundles[request.path] = std::move(bundle);
  }

  std::ofstream file(arguments[2], std::ios::binary);
  std::vector<Response> first;
  for (const Request& request : requests) {
    first.push_back(Answer(bundles, request));
    WriteResponse(first.back(), file);
  }
  file.close();

  std::vector<std::vector<double>> alone(requests.size()), crowded(requests.size());
  for (int n = 0; n < repetitions; ++n) {
    for (size_t i = 0; i < requests.size(); ++i) {
      const auto start = std::chrono::steady_clock::now();
      Answer(bundles, requests[i]);
      alone[i].push_back(Milliseconds(start));
    }
  }

  std::atomic<int> next{0}, answered{0}, wrong{0};
  std::mutex mutex;
  std::vector<std::thread> crowd;
  for (int t = 0; t < threads; ++t) {
    crowd.emplace_back([&] {
      for (int n = next++; n < total; n = next++) {
        const size_t i = n % requests.size();
        const auto start = std::chrono::steady_clock::now();
        const Response response = Answer(bundles, requests[i]);
        const double elapsed = Milliseconds(start);
        if (!Same(response, first[i])) ++wrong;
        ++answered;
        const std::lock_guard<std::mutex> lock(mutex);
        crowded[i].push_back(elapsed);
      }
    });
  }
  for (std::thread& thread : crowd) thread.join();

  std::cout << "RESULT{\"answered\": " << answered << ", \"wrong\": " << wrong;
  Print("alone", alone);
  Print("crowded", crowded);
  std::cout << '}' << std::endl;
}
