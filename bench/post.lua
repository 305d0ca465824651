-- Posts JSON; the body is a Lua expression given on the command line, evaluated for each call.
local body
local headers = { ["content-type"] = "application/json" }

function init(args)
  math.randomseed(os.time())
  body = loadstring("return " .. args[1])
end

function request()
  return wrk.format("POST", nil, headers, body())
end
